/** A log that lost its end: noticed at the next connection, before anything is written to it. */
import { assign, setup } from 'xstate'
import { expect, test } from 'vitest'
import { actor } from '#protocol/actor.ts'
import { partitionOf } from '#protocol/partition.ts'
import { tell } from '#runtime/core/actions.ts'
import { openMemoryLog } from '#runtime/memory/memory-bus.ts'
import { onTrace, type Trace } from '#runtime/trace.ts'
import { openVirtualClock } from '#runtime/memory/virtual-clock.ts'
import { openMemoryDisk, openMemoryStore } from '#store/memory-store.ts'
import type { nodeOptions } from '#test/support/engine.ts'
import { openTestNode, openTestRealm } from '#test/support/engine.ts'

const counters = actor(
  'counter',
  setup({ types: { context: {} as { n: number }, events: {} as { type: 'ADD' } } }).createMachine({
    context: { n: 0 },
    on: { ADD: { actions: assign({ n: ({ context }) => context.n + 1 }) } },
  }),
)

/** Its records stand inside envelopes, in the mailbox of the sink. */
const tellers = actor(
  'teller',
  setup({ types: { events: {} as { type: 'ADD' } } }).createMachine({
    on: { ADD: { actions: tell('counter/sink', { type: 'ADD' }) } },
  }),
)

async function openWorld(options: Partial<typeof nodeOptions> = {}) {
  const clock = openVirtualClock({
    start: 1e12,
    progress: () => String(node?.partitions.map(({ position, depth }) => [position.n, depth.queued, depth.staged])),
  })
  const log = openMemoryLog({ realm: 'shop', partitions: 2, clock })
  const disk = openMemoryDisk()
  const open = async () => {
    const bus = log.connect()
    const { createdAt } = await bus.logState()
    const store = openMemoryStore({ identity: { realm: 'shop', generation: 0, partitions: 2, log: createdAt }, disk })
    return {
      bus,
      store,
      node: await openTestNode(bus, [counters, tellers], { clock, store, options: { mendKeepMs: 0, ...options } }),
    }
  }
  const opened = await open()
  const node = opened.node
  const realm = openTestRealm(log.connect(), clock)
  const traces: Trace[] = []
  onTrace((event) => traces.push(event))
  const add = async (count: number): Promise<void> => {
    for (let at = 0; at < count; at++) await realm.ref(counters, String(at % 7)).send({ type: 'ADD' })
    await clock.advance(50)
  }
  return {
    ...opened,
    clock,
    log,
    disk,
    open,
    realm,
    add,
    traces,
    lost: () => traces.filter(({ is }) => is === 'partition.lost'),
    shorter: () => traces.filter(({ is }) => is === 'log.shorter'),
  }
}

/** Entries that only a node writes: commits, claims, and what actors sent. */
function writtenBy(log: ReturnType<typeof openMemoryLog>): number {
  return log.entries().filter(({ subject }) => !subject.includes('.x.')).length
}

test.each([1, 2, 5, 20])(
  'an owner at rest whose log comes back %i entries shorter stops, and writes nothing more',
  async (missing) => {
    const { log, clock, node, realm, add, lost, shorter } = await openWorld()
    await add(20)
    const { lastSeq } = await realm.bus.logState()
    log.truncate(lastSeq - missing)
    const written = writtenBy(log)
    await clock.advance(100)
    expect(shorter().length).toBeGreaterThan(0)
    expect(lost()).toHaveLength(2)
    expect(lost()).toMatchObject([{ fault: { code: 'log.shorter' } }, { fault: { code: 'log.shorter' } }])
    expect(await node.ended).toMatchObject({ code: 'log.shorter' })
    // What comes now takes the places of what was lost; nobody serves it, nobody claims.
    for (let at = 0; at < 40; at++) await realm.send('counter/1', { type: 'ADD' })
    await clock.advance(60_000)
    expect(writtenBy(log)).toBe(written)
  },
)

test('a log that lost its end and went on is known by what stands in its place', async () => {
  const { log, clock, node, bus, realm, add, lost } = await openWorld()
  await add(20)
  const { lastSeq } = await realm.bus.logState()
  bus.disconnect('lost')
  log.truncate(lastSeq - 6)
  // All connections came back with the server; this one sees a log that is longer than before.
  bus.disconnect('lost')
  for (let at = 0; at < 40; at++) await realm.send('counter/1', { type: 'ADD' })
  const written = writtenBy(log)
  bus.reconnect()
  await clock.advance(60_000)
  expect(lost()).toMatchObject([{ fault: { code: 'log.shorter' } }, { fault: { code: 'log.shorter' } }])
  expect(await node.ended).toMatchObject({ code: 'log.shorter' })
  expect(writtenBy(log)).toBe(written)
})

test('a commit in flight while the log loses its end is not sent to the shorter one, though its fence still stands', async () => {
  const { log, clock, bus, realm, add, lost } = await openWorld({ cheapMost: 16 })
  await add(20)
  const partition = 1 - partitionOf('counter/sink', 2)
  const key = ['a', 'b', 'c', 'd', 'e', 'f'].find((one) => partitionOf(`teller/${one}`, 2) === partition) as string
  const tellOnce = async (): Promise<void> => {
    await realm.ref(tellers, key).send({ type: 'ADD' })
    await clock.advance(50)
  }
  for (let at = 0; at < 3; at++) await tellOnce()
  const { lastSeq } = await realm.bus.logState()
  // The next one is on its way, again and again; then the last two of the cheap ones before it are gone.
  bus.disturb((op) => (op.is === 'append' ? 'lose' : 'ok'))
  await tellOnce()
  bus.disturb(undefined)
  log.truncate(lastSeq - 5)
  const written = writtenBy(log)
  await clock.advance(10_000)
  expect(lost().length).toBeGreaterThan(0)
  expect(writtenBy(log)).toBe(written)
})

test('a store that is ahead of the log does not become an owner', async () => {
  const { log, clock, bus, disk, node, open, realm, add } = await openWorld()
  await add(20)
  const { lastSeq } = await realm.bus.logState()
  await node.settle()
  bus.die()
  disk.crash()
  node.kill()
  log.truncate(lastSeq - 3)
  const written = writtenBy(log)
  await expect(open()).rejects.toMatchObject({ code: 'log.shorter' })
  disk.crash()
  // Also when the log has grown past it again, with other entries.
  for (let at = 0; at < 40; at++) await realm.send('counter/1', { type: 'ADD' })
  await clock.advance(10)
  await expect(open()).rejects.toMatchObject({ code: 'log.shorter' })
  expect(writtenBy(log)).toBe(written)
})

test('an acknowledgement below what was seen before tells the same without a reconnect', async () => {
  const clock = openVirtualClock({ start: 1e12 })
  const log = openMemoryLog({ realm: 'shop', partitions: 1, clock })
  const plain = log.connect()
  let isShort = false
  // A leader with a shorter log took over: the connection stands, the numbers begin again lower.
  const bus = {
    ...plain,
    append: async (entry: Parameters<typeof plain.append>[0]) => (isShort ? { seq: 3 } : await plain.append(entry)),
  }
  const node = await openTestNode(bus, [counters], { clock, options: { mendKeepMs: 0 } })
  const realm = openTestRealm(log.connect(), clock)
  for (let at = 0; at < 5; at++) await realm.ref(counters, 'a').send({ type: 'ADD' })
  await clock.advance(50)
  isShort = true
  await realm.ref(counters, 'a').send({ type: 'ADD' })
  await clock.advance(50)
  expect(await node.ended).toMatchObject({ code: 'log.shorter' })
})

test('a server that comes back with all it acknowledged is gone on with, also where the last record was trimmed', async () => {
  const { log, clock, realm, node, add, traces, lost, shorter } = await openWorld({ trimEveryMs: 500, historyMs: 100 })
  const partition = 1 - partitionOf('counter/sink', 2)
  const key = ['a', 'b', 'c', 'd', 'e', 'f'].find((one) => partitionOf(`teller/${one}`, 2) === partition) as string
  for (let round = 0; round < 5; round++) {
    await add(20)
    await realm.ref(tellers, key).send({ type: 'ADD' })
    // Bases are compressed by another thread, which keeps no virtual time.
    const trimmed = new Promise<void>((resolve) => {
      const hearing = onTrace((event) => {
        if (event.is !== 'trimmed') return
        hearing.stop()
        resolve()
      })
    })
    await clock.advance(600)
    await trimmed
    const last = node.partitions.find((one) => one.partition === partition)?.position.seq as number
    expect(await realm.bus.get(last)).toBeUndefined()
    log.stop()
    await clock.advance(30)
    log.start()
  }
  await add(7)
  await clock.advance(100)
  for (let key = 0; key < 7; key++)
    expect((await realm.ref(counters, String(key)).read())?.context.n).toBe((key < 6 ? 15 : 10) + 1)
  expect([...lost(), ...shorter()]).toEqual([])
  expect(traces.filter(({ is }) => is === 'partition.claimed')).toEqual([])
  expect((await realm.ref(counters, 'sink').read())?.context.n).toBe(5)
})
