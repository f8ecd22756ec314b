/** Timers that stand still fire when somebody thaws them, and not before; then each goes on by its own policy. */
import { expect, test } from 'vitest'
import { assign, fromPromise, setup } from 'xstate'
import { actor } from '#protocol/actor.ts'
import { openFork } from '#test/support/fork-world.ts'
import { gate, resetGates } from '#test/support/gates.ts'
import { openRestoreRealm, type RestoreRealm } from '#test/support/restore-world.ts'

const patience = 10_000

const waiter = (policy: 'deadline' | 'frozen' | 'restart') =>
  actor(
    'waiter',
    setup({ delays: { patience } }).createMachine({
      context: { over: 0 },
      initial: 'waiting',
      states: {
        waiting: {
          after: { patience: { target: 'over', actions: assign({ over: ({ context }) => context.over + 1 }) } },
        },
        over: { on: { AGAIN: 'waiting' } },
      },
    }),
    { version: 1, delays: { patience: policy } },
  )

const hourMs = 3_600_000

/** Cut 4 s after it was armed, and restored an hour later. */
async function restoredStill(policy: 'deadline' | 'frozen' | 'restart'): Promise<RestoreRealm> {
  const world = await openRestoreRealm([waiter(policy)], 1)
  await world.start()
  await world.realm.start('waiter', 'a', { input: undefined })
  await world.pass(4000)
  const view = await world.take()
  await world.pass(hourMs)
  await world.restore(view, { timers: 'frozen' })
  await world.settle()
  world.reopen()
  await world.start({ name: 'after' })
  return world
}

const valueOf = async (world: RestoreRealm): Promise<unknown> => (await world.state('waiter/a'))?.snapshot.value

test.for([
  ['deadline', 0],
  ['frozen', 6000],
  ['restart', 10_000],
] as const)('with the policy "%s" a timer that stood still fires %i ms after the thaw', async ([policy, left]) => {
  await using world = await restoredStill(policy)
  await world.pass(hourMs)
  expect(await valueOf(world)).toBe('waiting')
  expect(await world.realm.operate.standstill()).toMatchObject({ generation: 1, until: undefined })
  await world.realm.operate.thawTimers()
  // Partitions are opened anew.
  await world.pass(1000)
  if (left > 2000) {
    await world.pass(left - 2000)
    expect(await valueOf(world)).toBe('waiting')
  }
  await world.pass(2000)
  expect(await valueOf(world)).toBe('over')
  await expect(world.realm.operate.thawTimers()).rejects.toMatchObject({ code: 'timers.free' })
})

test('a timer that is armed while timers stand still keeps its whole delay, and those before it what is left of theirs', async () => {
  await using world = await restoredStill('frozen')
  await world.realm.start('waiter', 'b', { input: undefined })
  await world.pass(hourMs)
  const before = (await world.state('waiter/b'))?.snapshot.value
  expect(before).toBe('waiting')
  await world.realm.operate.thawTimers()
  await world.pass(5000)
  expect(await valueOf(world)).toBe('waiting')
  await world.pass(3500)
  expect(await valueOf(world)).toBe('over')
  expect((await world.state('waiter/b'))?.snapshot.value).toBe('waiting')
  await world.pass(2500)
  expect((await world.state('waiter/b'))?.snapshot.value).toBe('over')
})

test('a node that is started while timers stand still, and one that was not told of the thaw, fire nothing too early', async () => {
  await using world = await restoredStill('frozen')
  world.node.kill()
  await world.node.ended
  await world.pass(hourMs)
  await world.start({ name: 'another' })
  await world.pass(hourMs)
  expect(await valueOf(world)).toBe('waiting')
  world.node.kill()
  await world.node.ended
  await world.realm.operate.thawTimers()
  await world.pass(hourMs)
  await world.start({ name: 'third' })
  await world.pass(5000)
  expect(await valueOf(world)).toBe('waiting')
  await world.pass(1500)
  expect(await valueOf(world)).toBe('over')
  await world.realm.send('waiter/a', { type: 'AGAIN' })
  await world.pass(patience - 500)
  expect(await valueOf(world)).toBe('waiting')
  await world.pass(1000)
  expect(await valueOf(world)).toBe('over')
})

test('the deadline of an effect stands still as well', async () => {
  resetGates()
  const caller = actor(
    'caller',
    setup({ actors: { call: fromPromise(() => gate('call')) } }).createMachine({
      initial: 'calling',
      states: { calling: { invoke: { src: 'call', onDone: 'done', onError: 'failed' } }, done: {}, failed: {} },
    }),
    { version: 1, effects: { call: { deadlineMs: 5000 } } },
  )
  await using world = await openRestoreRealm([caller])
  await world.start()
  await world.realm.start('caller', 'a', { input: undefined })
  await world.settle()
  const view = await world.take()
  await world.restore(view, { timers: 'frozen' })
  await world.settle()
  world.reopen()
  await world.start({ name: 'after' })
  await world.pass(hourMs)
  expect((await world.state('caller/a'))?.snapshot.value).toBe('calling')
  await world.realm.operate.thawTimers()
  await world.pass(3000)
  expect((await world.state('caller/a'))?.snapshot.value).toBe('failed')
})

test('the timers of a fork stand still while those of its realm go on', async () => {
  const kinds = [waiter('frozen')]
  await using world = await openRestoreRealm(kinds)
  await world.start()
  await world.realm.start('waiter', 'a', { input: undefined })
  await world.pass(4000)
  const view = await world.take()
  await using fork = await openFork(world, view, { timers: 'frozen' })
  await fork.start(kinds)
  await fork.pass(hourMs)
  expect(await valueOf(world)).toBe('over')
  expect((await fork.state('waiter/a'))?.snapshot.value).toBe('waiting')
  await fork.realm.operate.thawTimers()
  await fork.pass(5000)
  expect((await fork.state('waiter/a'))?.snapshot.value).toBe('waiting')
  await fork.pass(1500)
  expect((await fork.state('waiter/a'))?.snapshot.value).toBe('over')
})
