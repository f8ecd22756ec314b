/** A store that missed what was trimmed, and trimming that waits for those who have not heard. */
import { assign, emit, setup } from 'xstate'
import { expect, test } from 'vitest'
import { actor } from '#protocol/actor.ts'
import { partitionOf } from '#protocol/partition.ts'
import { uploadBase } from '#runtime/trimming/bases.ts'
import { systemClock } from '#runtime/clock.ts'
import { subscribe } from '#runtime/core/actions.ts'
import { openMemoryLog } from '#runtime/memory/memory-bus.ts'
import type { Node } from '#runtime/node.ts'
import { onTrace } from '#runtime/trace.ts'
import { openTrimmer } from '#runtime/trimming/trim.ts'
import { openMemoryDisk, openMemoryStore } from '#store/memory-store.ts'
import { nodeOptions, openTestNode, openTestRealm } from '#test/support/engine.ts'

const counters = actor(
  'counter',
  setup({ types: { context: {} as { n: number }, events: {} as { type: 'ADD' } } }).createMachine({
    context: { n: 0 },
    on: { ADD: { actions: assign({ n: ({ context }) => context.n + 1 }) } },
  }),
)
const bells = actor(
  'bell',
  setup({
    types: { events: {} as { type: 'PULL'; n: number }, emitted: {} as { type: 'RANG'; n: number } },
  }).createMachine({
    on: { PULL: { actions: emit(({ event }) => ({ type: 'RANG', n: event.n })) } },
  }),
)
const hearers = actor(
  'hearer',
  setup({
    types: { context: {} as { heard: number[] }, events: {} as { type: 'LISTEN' } | { type: 'RANG'; n: number } },
  }).createMachine({
    context: { heard: [] },
    on: {
      LISTEN: { actions: subscribe('bell.*.RANG') },
      RANG: { actions: assign({ heard: ({ context, event }) => [...context.heard, event.n] }) },
    },
  }),
)
const actors = [counters, bells, hearers]

type World = ReturnType<typeof openWorld>

function openWorld() {
  const log = openMemoryLog({ realm: 'shop', partitions: 2, clock: systemClock })
  const realm = openTestRealm(log.connect())
  return { log, realm }
}

/** A process with a disk of its own; `kill` takes all of it but the disk. */
async function openProcess({ log }: World, disk = openMemoryDisk()) {
  const bus = log.connect()
  const { createdAt } = await bus.logState()
  const store = openMemoryStore({ identity: { realm: 'shop', generation: 0, partitions: 2, log: createdAt }, disk })
  const node = await openTestNode(bus, actors, { store })
  const kill = (): void => {
    bus.die()
    disk.crash()
    node.kill()
  }
  return { bus, store, node, disk, kill }
}

async function trimAll({ bus, store }: { bus: Node['bus']; store: Node['store'] }, node: Node): Promise<number> {
  const positions = () => node.partitions.map((one) => one.position)
  return await openTrimmer(
    { bus, store, clock: systemClock, positions, others: () => [], isHeld: () => false },
    { ...nodeOptions, trimEveryMs: 1e9, retryMs: 10, historyMs: -1000, historyBytes: 1e12 },
  ).trim()
}

async function add({ realm }: World, count: number, expected: number): Promise<void> {
  for (let at = 0; at < count; at++) for (const key of ['a', 'b']) await realm.ref(counters, key).send({ type: 'ADD' })
  for (const key of ['a', 'b']) {
    const seen = await realm.ref(counters, key).waitFor(({ context }) => context.n >= expected, { timeoutMs: 5000 })
    expect(seen.context.n).toBe(expected)
  }
}

test('a store that missed what another node did and trimmed starts again from the base', async () => {
  const world = openWorld()
  const first = await openProcess(world)
  await add(world, 5, 5)
  await first.node.settle()
  first.kill()
  const second = await openProcess(world)
  await add(world, 5, 10)
  await second.node.settle()
  expect(await trimAll(second, second.node)).toBeGreaterThan(0)
  second.kill()
  // Of what the first store lacks nothing is left on the log, so nothing there tells that it lacks anything.
  const again = await openProcess(world, first.disk)
  await add(world, 1, 11)
  again.kill()
})

test('an owner that is one no more cannot put an older base in place of a newer', async () => {
  const world = openWorld()
  const first = await openProcess(world)
  await add(world, 5, 5)
  await first.node.settle()
  const second = await openProcess(world)
  await add(world, 5, 10)
  await second.node.settle()
  await trimAll(second, second.node)
  // It was in the middle of a round of trimming when it was fenced, and ends it now.
  for (const partition of [0, 1]) await uploadBase({ bus: world.log.connect(), store: first.store }, partition)
  first.kill()
  second.kill()
  const third = await openProcess(world)
  await add(world, 1, 11)
  third.kill()
})

test('an emitted event that a subscriber has not heard is not trimmed [U20]', async () => {
  const world = openWorld()
  const { realm, log } = world
  const first = await openProcess(world)
  const key = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].find(
    (one) => partitionOf(`bell/${one}`, 2) !== partitionOf('hearer/h', 2),
  ) as string
  const hearer = partitionOf('hearer/h', 2)
  const pull = async (n: number): Promise<void> => {
    const rang = new Promise<void>((resolve) => {
      const hearing = onTrace((event) => {
        if (event.is !== 'committed' || event.partition === hearer) return
        hearing.stop()
        resolve()
      })
    })
    await realm.ref(bells, key).send({ type: 'PULL', n })
    await rang
  }
  await realm.ref(hearers, 'h').send({ type: 'LISTEN' })
  await realm.ref(hearers, 'h').waitFor(() => true, { timeoutMs: 5000 })
  await pull(1)
  await realm.ref(hearers, 'h').waitFor(({ context }) => context.heard.length === 1, { timeoutMs: 5000 })
  await first.node.settle()

  // From now on the subscriber's owner hears, and can tell nobody.
  first.bus.disturb((op) =>
    op.is === 'append' && op.entries.some(({ subject }) => subject === `shop.commit.${hearer}`) ? 'lose' : 'ok',
  )
  for (let n = 2; n <= 40; n++) await pull(n)
  // What was committed is folded, so that nothing but the subscriber holds trimming back.
  await first.node.partitions[0]?.settle()
  expect(await trimAll(first, first.node)).toBeGreaterThan(0)
  first.kill()
  const again = await openProcess(world, first.disk)
  const seen = await realm.ref(hearers, 'h').waitFor(({ context }) => context.heard.length === 40, { timeoutMs: 5000 })
  expect(seen.context.heard).toEqual(Array.from({ length: 40 }, (_, at) => at + 1))
  again.kill()
  expect(log.entries().length).toBeGreaterThan(0)
})
