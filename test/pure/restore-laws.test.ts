/** What a restore brings back, what it leaves behind, and what becomes of whoever was there before. */
import { expect, test } from 'vitest'
import { fromPromise, setup } from 'xstate'
import { actor } from '#protocol/actor.ts'
import { isFault } from '#protocol/fault.ts'
import { partitionOf } from '#protocol/partition.ts'
import { subjects } from '#protocol/subject.ts'
import { encodeEnvelope } from '#protocol/envelope.ts'
import type { Came } from '#runtime/cuts/restoring/replay.ts'
import { hearGeneration } from '#runtime/members/hear-generation.ts'
import { openMemoryLog } from '#runtime/memory/memory-bus.ts'
import { openPlacedView } from '#runtime/mending/placed-view.ts'
import { checkStore } from '#runtime/mending/verify-log.ts'
import { takeNewerBases } from '#runtime/trimming/bases.ts'
import { openTestStore } from '#test/support/engine.ts'
import { openManualClock } from '#test/support/manual-clock.ts'
import { gate, note, notes, openGate, resetGates } from '#test/support/gates.ts'
import { add, afterwards, counter, got } from '#test/support/restore-words.ts'
import { openRestoreRealm, type RestoreRealm } from '#test/support/restore-world.ts'

const waiter = (policy?: 'frozen') =>
  actor(
    'waiter',
    setup({ delays: { patience: 10_000 } }).createMachine({
      initial: 'waiting',
      states: { waiting: { after: { patience: 'over' } }, over: {} },
    }),
    policy === undefined ? {} : { delays: { patience: policy } },
  )

const caller = actor(
  'caller',
  setup({
    actors: {
      call: fromPromise(async () => {
        note('begun')
        return (await gate('call')) as string
      }),
    },
  }).createMachine({
    context: {},
    initial: 'calling',
    states: {
      calling: { invoke: { id: 'call', src: 'call', onDone: 'done' } },
      done: {},
    },
  }),
)

test('a node hears that its generation is over, lets go, and says so', async () => {
  await using world = await openRestoreRealm([counter])
  const node = await world.start()
  await add(world, 'a', 'one')
  const view = await world.take()
  await world.restore(view)
  await world.settle()
  expect(await node.ended).toMatchObject({ code: 'realm.superseded' })
})

test('a node that was told nothing finds it by itself while it is at rest', async () => {
  const clock = openManualClock()
  const log = openMemoryLog({ realm: 'shop', partitions: 1, clock })
  const heard: string[] = []
  const deaf = { ...log.connect(), hear: () => ({ stop: () => undefined }) }
  const hearing = hearGeneration(
    { bus: deaf, clock, onSuperseded: ({ code }) => heard.push(code) },
    { claimLookMs: 2000 },
  )
  await log.generations.seal()
  await clock.advance(1999)
  expect(heard).toEqual([])
  await clock.advance(1)
  expect(heard).toEqual(['realm.superseded'])
  await clock.advance(10_000)
  expect(heard).toHaveLength(1)
  hearing.stop()
})

test('what is sent by whoever was there before is refused, and says what to do', async () => {
  await using world = await openRestoreRealm([counter])
  const node = await world.start()
  await add(world, 'a', 'one')
  const view = await world.take()
  const old = world.realm
  await world.restore(view)
  await expect(old.send('counter/a', { type: 'ADD', word: 'late' })).rejects.toMatchObject({ code: 'realm.moved' })
  const claim = node.bus.append({ subject: subjects.commit(node.bus.realm, 0), data: new Uint8Array([1]) })
  await expect(claim).rejects.toMatchObject({ code: 'realm.moved' })
  await afterwards(world)
  expect(await got(world, 'a')).toEqual(['one'])
})

test.for([
  ['deadline', 0],
  ['shifted', 6000],
] as const)('timers that are restored by "%s" fire %i ms later', async ([timers, left]) => {
  await using world = await openRestoreRealm([waiter()])
  await world.start()
  await world.realm.start('waiter', 'a', { input: undefined })
  await world.pass(4000)
  const view = await world.take()
  const taken = world.clock.now() - view.manifest.begunAt
  const due = async (): Promise<number> =>
    Object.values((await world.state('waiter/a'))?.book.timers ?? {}).map((timer) => timer.due)[0] ?? 0
  const was = await due()
  await world.pass(3_600_000)
  await world.restore(view, { timers })
  await world.settle()
  world.reopen()
  await world.start({ name: 'after' })
  if (timers === 'shifted') expect((await due()) - was).toBe(3_600_000 + taken)
  const before = left - taken - 50
  if (before > 0) {
    await world.pass(before)
    expect((await world.state('waiter/a'))?.snapshot.value).toBe('waiting')
  }
  await world.pass(100 + taken)
  expect((await world.state('waiter/a'))?.snapshot.value).toBe('over')
})

test('a timer that counts only the time with an owner is not shifted twice', async () => {
  await using world = await openRestoreRealm([waiter('frozen')])
  await world.start()
  await world.realm.start('waiter', 'a', { input: undefined })
  await world.pass(4000)
  const view = await world.take()
  await world.pass(3_600_000)
  await world.restore(view, { timers: 'shifted' })
  await world.settle()
  world.reopen()
  await world.start({ name: 'after' })
  await world.pass(5500)
  expect((await world.state('waiter/a'))?.snapshot.value).toBe('waiting')
  await world.pass(1000)
  expect((await world.state('waiter/a'))?.snapshot.value).toBe('over')
})

test('an effect that was pending comes back pending with its id, and a result from before is refused', async () => {
  resetGates()
  await using world = await openRestoreRealm([caller])
  const node = await world.start()
  await world.realm.start('caller', 'a', { input: undefined })
  await world.settle()
  const before = Object.keys((await world.state('caller/a'))?.book.effects ?? {})
  expect(before).toHaveLength(1)
  expect(notes()).toEqual(['begun'])
  const view = await world.take()
  await world.restore(view)
  await world.settle()
  await node.ended
  const [effect = ''] = before
  const late = {
    subject: subjects.in(node.bus.realm, 0, 'e', 'caller/a'),
    data: new Uint8Array([1]),
  }
  await expect(node.bus.append(late)).rejects.toMatchObject({ code: 'realm.moved' })
  world.reopen()
  await world.start({ name: 'after' })
  expect(Object.keys((await world.state('caller/a'))?.book.effects ?? {})).toEqual(before)
  expect(notes()).toEqual(['begun', 'begun'])
  // By somebody who writes to the new log what was meant for the old one.
  await world.node.bus.append({
    subject: subjects.in(node.bus.realm, partitionOfCaller(world), 'e', 'caller/a'),
    data: encodeEnvelope({
      ...{ to: 'caller/a', from: undefined, at: 0, id: undefined, n: 0, index: 0, generation: 0 },
      ...{ cause: undefined, ask: undefined, deadline: undefined, traceparent: undefined },
      content: { is: 'effect', effect, result: { is: 'done', output: 'from before' } },
    }),
  })
  await world.settle()
  expect((await world.state('caller/a'))?.snapshot.value).toBe('calling')
  openGate('call', 'now')
  await world.settle()
  expect((await world.state('caller/a'))?.snapshot.value).toBe('done')
})

function partitionOfCaller(world: RestoreRealm): number {
  return partitionOf('caller/a', world.node.bus.realm.partitions)
}

test('of two restores at the same time the later one counts, and the other opens nothing', async () => {
  await using world = await openRestoreRealm([counter])
  await world.start()
  await add(world, 'a', 'one')
  const view = await world.take()
  const ends = await Promise.allSettled([world.restore(view), world.restore(view)])
  const done = ends.filter(({ status }) => status === 'fulfilled')
  expect(done).toHaveLength(1)
  for (const end of ends) if (end.status === 'rejected') expect(isFault(end.reason)).toBe(true)
  await afterwards(world)
  expect(await got(world, 'a')).toEqual(['one'])
})

test.for([4, 3])(
  'whoever begins with a base finds on the log what it goes on from, in %i partitions',
  async (partitions) => {
    await using world = await openRestoreRealm([counter])
    await world.start()
    for (const key of ['a', 'b', 'c', 'd', 'e']) await add(world, key, 'one')
    const view = await world.take()
    await world.restore(view, { partitions })
    const raw = world.log.connect()
    const bus = await openPlacedView({ bus: raw, clock: world.clock }, { retryMs: 10 })
    const store = await openTestStore(raw)
    const all = Array.from({ length: partitions }, (_, partition) => partition)
    expect(await takeNewerBases({ bus, store }, all)).toEqual(all)
    await checkStore({ bus, store }, all)
  },
)

test('a restore that is given up leaves the realm as it was sealed, with what came after the cut', async () => {
  await using world = await openRestoreRealm([counter])
  await world.start()
  await add(world, 'a', 'one')
  const view = await world.take()
  await add(world, 'a', 'two')
  const dying = world.restore(view, { replay: () => failing() })
  await expect(dying).rejects.toThrow('no power')
  expect(await world.log.generations.newest()).toMatchObject({ state: 'restoring' })
  expect(await world.log.generations.unseal()).toMatchObject({ state: 'open', realm: { generation: 0 } })
  await afterwards(world)
  expect(await got(world, 'a')).toEqual(['one', 'two'])
  await add(world, 'a', 'three')
  expect(await got(world, 'a')).toEqual(['one', 'two', 'three'])
})

// eslint-disable-next-line require-yield -- it fails before it has anything
async function* failing(): AsyncGenerator<Came> {
  throw new Error('no power')
}
