/** A fork of actors that have children and wait: all of them go on in it as they do in the realm. */
import { expect, test } from 'vitest'
import { assign, sendParent, sendTo, setup, spawnChild } from 'xstate'
import { actor } from '#protocol/actor.ts'
import { type ForkRealm, openFork } from '#test/support/fork-world.ts'
import { openRestoreRealm, type RestoreRealm } from '#test/support/restore-world.ts'

type Event = { readonly type: 'APPROVE' | 'DONE' | 'ASKED'; readonly by?: string }

/** Waits for a word from outside, which interrupts it; then for a timer. */
const reviewer = setup({ types: { context: {} as { seen: string[] }, events: {} as Event } }).createMachine({
  context: { seen: [] },
  initial: 'asking',
  states: {
    asking: {
      entry: sendParent({ type: 'ASKED' }),
      on: {
        APPROVE: {
          target: 'resting',
          actions: assign({ seen: ({ context, event }) => [...context.seen, event.by ?? ''] }),
        },
      },
    },
    resting: { after: { 5000: 'over' } },
    over: { type: 'final', entry: sendParent({ type: 'DONE' }) },
  },
})

/** Has a child of its own, which has one more. */
const writer = setup({
  types: { context: {} as { told: number }, events: {} as Event },
  actors: { reviewer },
}).createMachine({
  context: { told: 0 },
  initial: 'writing',
  states: {
    writing: { after: { 1000: 'waiting' } },
    waiting: {
      invoke: { src: 'reviewer', id: 'reviewer' },
      on: {
        ASKED: { actions: assign({ told: ({ context }) => context.told + 1 }) },
        APPROVE: { actions: sendTo('reviewer', ({ event }) => event) },
        DONE: 'over',
      },
    },
    over: { type: 'final', entry: sendParent({ type: 'DONE' }) },
  },
})

const desk = actor(
  'desk',
  setup({ types: { context: {} as { done: number }, events: {} as Event }, actors: { writer } }).createMachine({
    context: { done: 0 },
    entry: [spawnChild('writer', { id: 'a' }), spawnChild('writer', { id: 'b' })],
    on: {
      APPROVE: { actions: [sendTo('a', ({ event }) => event), sendTo('b', ({ event }) => event)] },
      DONE: { actions: assign({ done: ({ context }) => context.done + 1 }) },
    },
  }),
  { version: 1 },
)

type Looked = Pick<ForkRealm, 'realm'>

/** Of everybody, children of children too: what its machine knows. */
async function picture({ realm }: Looked): Promise<readonly unknown[]> {
  const found: [string, unknown][] = []
  for await (const { address, state } of realm.operate.list()) {
    const { status, value, context } = state.snapshot
    found.push([address, { status, value, context }])
  }
  return found.toSorted(([a], [b]) => (a < b ? -1 : 1))
}

const approve = ({ realm }: Looked, by: string): Promise<unknown> => realm.send('desk/1', { type: 'APPROVE', by })

async function openDesk(ms: number): Promise<RestoreRealm> {
  const world = await openRestoreRealm([desk])
  await world.start()
  await world.realm.operate.start('desk/1', undefined)
  await world.settle()
  await world.pass(ms)
  return world
}

test.for([
  ['its timers', 500, 'writing'],
  ['a question', 2500, 'asking'],
] as const)('a fork with children that wait for %s goes the way of the realm [C38]', async ([, ms, value]) => {
  await using world = await openDesk(ms)
  const view = await world.take()
  await using fork = await openFork(world, view, { partitions: 3 })
  await fork.start([desk])
  expect(JSON.stringify(await picture(world))).toContain(value)
  const ways: [unknown, unknown][] = [[await picture(world), await picture(fork)]]
  for (let second = 0; second < 10; second++) {
    if (second === 3) for (const one of [world, fork]) await approve(one, 'ann')
    await fork.pass(1000)
    await world.settle()
    ways.push([await picture(world), await picture(fork)])
  }
  for (const [theirs, ours] of ways) expect(ours).toEqual(theirs)
  expect((await fork.state('desk/1'))?.snapshot.context).toEqual({ done: 2 })
})

test('what a fork is told, its realm and another fork do not know [C38]', async () => {
  await using world = await openDesk(2500)
  const view = await world.take()
  const then = await picture(world)
  await using one = await openFork(world, view, { as: 'one' })
  await one.start([desk])
  await approve(one, 'ann')
  await one.pass(10_000)
  await using other = await openFork(world, view, { as: 'other' })
  await other.start([desk])
  expect((await one.state('desk/1'))?.snapshot.context).toEqual({ done: 2 })
  for (const untouched of [world, other]) expect(await picture(untouched)).toEqual(then)
})
