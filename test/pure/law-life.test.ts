import { assign, fromPromise, sendTo, setup, spawnChild } from 'xstate'
import { describe, expect, test } from 'vitest'
import { actor } from '#protocol/actor.ts'
import { unwatch, watch } from '#runtime/core/actions.ts'
import { openStillWorld, overHours, type StillWorld } from '#test/support/still-world.ts'

const dayMs = 86_400_000

const child = setup({}).createMachine({})
const job = setup({
  types: { context: {} as { n: number }, input: {} as { n: number | bigint } | undefined },
  actors: { child },
}).createMachine({
  context: ({ input }) => ({ n: Number(input?.n ?? 0) }),
  initial: 'on',
  entry: spawnChild('child', { id: 'kid' }),
  states: {
    on: { on: { UP: { actions: assign({ n: ({ context }) => context.n + 1 }) }, END: 'over' } },
    over: { type: 'final' },
  },
  output: ({ context }) => ({ n: context.n }),
})
const jobs = actor('job', job)

const watcher = setup({ types: { context: {} as { told: unknown[] } } }).createMachine({
  context: { told: [] },
  on: {
    WATCH: { actions: watch(({ event }) => (event as unknown as { who: string }).who) },
    UNWATCH: { actions: unwatch(({ event }) => (event as unknown as { who: string }).who) },
    'actor.ended': {
      actions: assign({
        told: ({ context, event }) => [...context.told, [event['address'], event['reason'], event['output']]],
      }),
    },
  },
})
const watchers = actor('watcher', watcher)

const told = async (world: StillWorld): Promise<unknown> =>
  ((await world.state('watcher/w'))?.snapshot.context as { told: unknown } | undefined)?.told

describe('a beginning', () => {
  test('with input happens once, however often it is asked for, also with values that JSON does not know', async () => {
    await using world = await openStillWorld([jobs])
    for (let again = 0; again < 3; again++) await world.realm.start('job', 'a', { input: { n: 5n } })
    await world.settle()
    await world.send('job/a', { type: 'UP' })
    await world.realm.start('job', 'a', { input: { n: 5n } })
    await world.settle()
    expect((await world.state('job/a'))?.snapshot.context).toEqual({ n: 6 })
    expect(await world.realm.parked.list()).toEqual([])
    await world.realm.start('job', 'a', { input: { n: 6n } })
    await world.settle()
    expect(await world.realm.parked.list()).toMatchObject([{ fault: { code: 'actor.exists' } }])
  })

  test('comes of the first event, without input', async () => {
    await using world = await openStillWorld([jobs])
    await world.send('job/a', { type: 'UP' })
    expect((await world.state('job/a'))?.snapshot.context).toEqual({ n: 1 })
  })

  test('keys are any text of up to 128 bytes', async () => {
    await using world = await openStillWorld([jobs])
    for (const key of ['ünïcode/with spaces.and~dots*>', '🦊', 'x'.repeat(128)]) {
      await world.realm.ref(jobs, key).send({ type: 'UP' })
      await world.settle()
      expect((await world.realm.ref(jobs, key).read())?.context).toEqual({ n: 1 })
      expect(world.realm.ref(jobs, key).key).toBe(key)
    }
    expect(() => world.realm.ref(jobs, 'x'.repeat(129))).toThrow(/128/)
    expect(() => world.realm.ref(jobs, '')).toThrow(/empty/)
  })
})

describe('an end', () => {
  test('keeps its output for the retention, then a tombstone; events to it are parked', async () => {
    await using world = await openStillWorld([actor('job', job, { retainMs: 3 * dayMs })], overHours)
    await world.send('job/a', { type: 'UP' })
    await world.send('job/a', { type: 'END' })
    expect((await world.state('job/a'))?.snapshot).toMatchObject({ status: 'done', output: { n: 1 } })
    await world.send('job/a', { type: 'UP' })
    await world.pass(3 * dayMs - 1)
    expect((await world.state('job/a'))?.snapshot.output).toEqual({ n: 1 })
    await world.pass(1)
    expect((await world.state('job/a'))?.snapshot).toMatchObject({
      status: 'done',
      output: undefined,
      context: undefined,
    })
    await world.crash()
    await world.start()
    await world.send('job/a', { type: 'UP' })
    expect((await world.realm.parked.list()).map(({ fault }) => fault.code)).toEqual(['actor.done', 'actor.done'])
  })

  test('by "stop" is heard by nobody but those who watch, and takes the children along', async () => {
    await using world = await openStillWorld([jobs])
    await world.send('job/a', { type: 'UP' })
    expect(await world.state('job/a~kid~1')).toBeDefined()
    await world.realm.operate.stop('job/a')
    await world.settle()
    expect((await world.state('job/a'))?.snapshot).toMatchObject({ status: 'stopped', context: { n: 1 } })
    expect(await world.state('job/a~kid~1')).toBeUndefined()
  })

  test('by "delete" leaves nothing, and the key may begin anew', async () => {
    await using world = await openStillWorld([jobs])
    await world.send('job/a', { type: 'UP' })
    await world.realm.operate.delete('job/a')
    await world.settle()
    expect(await world.state('job/a')).toBeUndefined()
    expect(await world.state('job/a~kid~1')).toBeUndefined()
    await world.crash()
    await world.start()
    expect(await world.state('job/a')).toBeUndefined()
    await world.send('job/a', { type: 'UP' })
    expect((await world.state('job/a'))?.snapshot.context).toEqual({ n: 1 })
  })

  test('by time to live comes after the last step, over a crash', async () => {
    await using world = await openStillWorld([actor('job', job, { ttlMs: 10_000 })])
    await world.send('job/a', { type: 'UP' })
    await world.pass(9000)
    await world.send('job/a', { type: 'UP' })
    await world.crash()
    await world.start()
    await world.pass(9999)
    expect((await world.state('job/a'))?.snapshot.status).toBe('active')
    await world.pass(1)
    expect((await world.state('job/a'))?.book.ended?.reason).toBe('expired')
  })

  test('what the last transition asked for still runs', async () => {
    const ran: string[] = []
    const machine = setup({
      actions: { bye: () => void ran.push('bye'), last: () => void ran.push('last') },
    }).createMachine({
      initial: 'on',
      states: { on: { exit: 'bye', on: { END: 'over' } }, over: { type: 'final', entry: 'last' } },
    })
    await using world = await openStillWorld([actor('job', machine)])
    await world.send('job/a', { type: 'END' })
    expect(ran).toEqual(['bye', 'last'])
    expect((await world.state('job/a'))?.book.effects).toBeUndefined()
  })
})

describe('who watches', () => {
  test.each([
    ['ends', { type: 'END' }, ['job/a', 'done', { n: 0 }]],
    ['is stopped', 'stop', ['job/a', 'stopped', undefined]],
    ['is deleted', 'delete', ['job/a', 'deleted', undefined]],
  ] as const)('hears once when the actor %s, also when the node crashed in between', async (_, end, heard) => {
    await using world = await openStillWorld([jobs, watchers])
    await world.realm.start('job', 'a', { input: undefined })
    await world.send('watcher/w', { type: 'WATCH', who: 'job/a' })
    await world.send('watcher/w', { type: 'WATCH', who: 'job/a' })
    await world.crash()
    await world.start()
    if (end === 'stop') await world.realm.operate.stop('job/a')
    else if (end === 'delete') await world.realm.operate.delete('job/a')
    else await world.realm.send('job/a', end)
    await world.settle()
    expect(await told(world)).toEqual([heard])
  })

  test('an actor that has ended, or never was, is told so at once', async () => {
    await using world = await openStillWorld([jobs, watchers])
    await world.send('job/a', { type: 'END' })
    await world.send('watcher/w', { type: 'WATCH', who: 'job/a' })
    await world.send('watcher/w', { type: 'WATCH', who: 'job/never' })
    expect(await told(world)).toEqual([
      ['job/a', 'done', { n: 0 }],
      ['job/never', 'absent', undefined],
    ])
    expect(await world.state('job/never')).toBeUndefined()
  })

  test('and no longer wants to, hears nothing', async () => {
    await using world = await openStillWorld([jobs, watchers])
    await world.realm.start('job', 'a', { input: undefined })
    await world.send('watcher/w', { type: 'WATCH', who: 'job/a' })
    await world.send('watcher/w', { type: 'UNWATCH', who: 'job/a' })
    await world.send('job/a', { type: 'END' })
    expect(await told(world)).toEqual([])
  })
})

test('everything about an actor is there after a crash: state, children, timers, effects [N6] [N8]', async () => {
  const machine = setup({
    actors: { child, long: fromPromise(() => new Promise(() => {})) },
    delays: { later: 60_000 },
  }).createMachine({
    context: { n: 1 },
    initial: 'on',
    states: {
      on: {
        invoke: [
          { id: 'kid', src: 'child' },
          { id: 'long', src: 'long' },
        ],
        after: { later: 'off' },
        on: { PING: { actions: sendTo('kid', { type: 'PING' }) } },
      },
      off: {},
    },
  })
  await using world = await openStillWorld([actor('whole', machine)])
  await world.realm.start('whole', 'a', { input: undefined })
  await world.send('whole/a', { type: 'PING' })
  const before = [await world.state('whole/a'), await world.state('whole/a~kid~1')]
  await world.crash()
  await world.start()
  const [whole, kid] = [await world.state('whole/a'), await world.state('whole/a~kid~1')]
  const [effect] = Object.values(whole?.book.effects ?? {})
  expect(effect).toMatchObject({ name: 'long', attempt: 2, begun: 2 })
  // But for that it runs anew, nothing is otherwise than before.
  Object.assign(effect as object, { attempt: 1 })
  delete (effect as { begun?: number }).begun
  const { steps, steppedAt } = before[0] as { steps: number; steppedAt: number }
  expect([{ ...whole, steps, steppedAt }, kid]).toEqual(before)
  expect(world.node.health().effects).toBe(1)
})
