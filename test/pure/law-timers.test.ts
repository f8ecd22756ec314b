import { assign, cancel, raise, setup } from 'xstate'
import { expect, test } from 'vitest'
import { actor } from '#protocol/actor.ts'
import type { ResumePolicy } from '#protocol/state.ts'
import { openStillWorld } from '#test/support/still-world.ts'

const hourMs = 3_600_000

const waiting = setup({ delays: { patience: 10_000 } }).createMachine({
  initial: 'waiting',
  states: { waiting: { after: { patience: 'over' } }, over: {} },
})

function waiter(policy?: ResumePolicy) {
  return actor('waiter', waiting, policy === undefined ? {} : { delays: { patience: policy } })
}

test.each([
  ['deadline', 0],
  ['frozen', 6000],
  ['restart', 10_000],
] as const)('after a crash a timer of policy "%s" fires %i ms after the restart', async (policy, left) => {
  await using world = await openStillWorld([waiter(policy)])
  await world.realm.start('waiter', 'a', { input: undefined })
  await world.pass(4000)
  await world.crash()
  await world.clock.advance(hourMs)
  await world.start()
  if (left > 0) {
    await world.pass(left - 1)
    expect((await world.state('waiter/a'))?.snapshot.value).toBe('waiting')
    await world.pass(1)
  }
  expect((await world.state('waiter/a'))?.snapshot.value).toBe('over')
})

test('policies go by the name of a delay, by its milliseconds, or by the id of a delayed event', async () => {
  const machine = setup({}).createMachine({
    context: { got: [] as string[] },
    initial: 'on',
    states: {
      on: {
        entry: [raise({ type: 'NAMED' }, { delay: 5000, id: 'slow' }), raise({ type: 'PLAIN' }, { delay: 5001 })],
        after: { 5002: { actions: raise({ type: 'AFTER' }) } },
      },
    },
    on: { '*': { actions: assign({ got: ({ context, event }) => [...context.got, event.type] }) } },
  })
  await using world = await openStillWorld([actor('waiter', machine, { delays: { slow: 'restart', 5002: 'frozen' } })])
  await world.realm.start('waiter', 'a', { input: undefined })
  await world.pass(1000)
  await world.crash()
  await world.clock.advance(hourMs)
  await world.start()
  expect((await world.state('waiter/a'))?.snapshot.context).toEqual({ got: ['PLAIN'] })
  await world.pass(4002)
  expect((await world.state('waiter/a'))?.snapshot.context).toEqual({ got: ['PLAIN', 'AFTER'] })
  await world.pass(998)
  expect((await world.state('waiter/a'))?.snapshot.context).toEqual({ got: ['PLAIN', 'AFTER', 'NAMED'] })
})

test('a timer of an earlier visit is refused when it comes late', async () => {
  await using world = await openStillWorld([waiter()])
  await world.realm.start('waiter', 'a', { input: undefined })
  await world.settle()
  const { step } = await import('#runtime/core/step.ts')
  const { blueprintOf } = await import('#runtime/core/blueprint.ts')
  const { familyOfBook, revive } = await import('#runtime/core/live.ts')
  const root = blueprintOf(waiter())
  const state = await world.state('waiter/a')
  const name = Object.keys(state?.book.timers ?? {})[0] ?? ''
  const visit = state?.book.timers?.[name]?.visit ?? 0
  const family = familyOfBook(
    () => undefined,
    () => undefined,
  )
  const around = {
    now: world.clock.now() + 20_000,
    generation: 0,
    stepId: 's',
    awayMs: 0,
    openedAt: 0,
    lastSeq: 0,
    outputsMost: 900,
    visitFloor: 0,
    deferLimit: 10,
    asksMost: 10,
    askLateMs: 0,
    retainMs: 1,
  }
  const fire = (at: number) =>
    step({
      root,
      live: revive(root, 'waiter/a', state as never, family),
      address: 'waiter/a',
      arrival: { by: 'timer', address: 'waiter/a', name, visit: at },
      around,
      family,
    })
  expect(fire(visit - 1).outcome).toMatchObject({ mark: 'stale', changed: false })
  expect(fire(visit).outcome).toMatchObject({ mark: undefined, changed: true })
})

test('a timer is cancelled from outside, and by the machine', async () => {
  const machine = setup({}).createMachine({
    context: { rang: 0 },
    entry: raise({ type: 'RING' }, { delay: 1000, id: 'bell' }),
    on: { RING: { actions: assign({ rang: ({ context }) => context.rang + 1 }) }, HUSH: { actions: cancel('bell') } },
  })
  await using world = await openStillWorld([actor('bell', machine)])
  for (const key of ['a', 'b', 'c']) await world.realm.start('bell', key, { input: undefined })
  await world.realm.operate.cancelTimer('bell/a', 'bell')
  await world.send('bell/b', { type: 'HUSH' })
  await world.pass(2000)
  const rang = await Promise.all(
    ['a', 'b', 'c'].map(async (key) => (await world.state(`bell/${key}`))?.snapshot.context),
  )
  expect(rang).toEqual([{ rang: 0 }, { rang: 0 }, { rang: 1 }])
})

test('a thousand timers fire each once, in the order of their instants, also across a crash', async () => {
  const fired: number[] = []
  const machine = setup({
    types: { context: {} as { at: number }, input: {} as number },
    delays: { aim: ({ context }) => context.at },
  }).createMachine({
    context: ({ input }) => ({ at: input }),
    initial: 'armed',
    states: { armed: { after: { aim: 'fired' } }, fired: { type: 'final' } },
  })
  await using world = await openStillWorld([actor('shot', machine)])
  for (let n = 0; n < 1000; n++) void world.realm.start('shot', `n${n}`, { input: 1000 + ((n * 7919) % 10_000) })
  await world.settle()
  await world.node.settle()
  expect(world.clock.waiting).toBeLessThan(100)
  const before = world.clock.now()
  const step = (await import('#runtime/trace.ts')).onTrace(
    (one) => one.is === 'stepped' && one.type.startsWith('timer:') && fired.push(world.clock.now() - before),
  )
  await world.pass(5000)
  expect(fired).toHaveLength(
    Array.from({ length: 1000 }, (_, n) => 1000 + ((n * 7919) % 10_000)).filter((at) => at <= 5000).length,
  )
  await world.crash()
  await world.start()
  await world.pass(10_000)
  step.stop()
  expect(fired).toHaveLength(1000)
  expect(fired).toEqual([...fired].sort((a, b) => a - b))
})
