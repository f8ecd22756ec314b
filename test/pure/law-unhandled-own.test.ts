import {
  assign,
  emit,
  fromCallback,
  fromEventObservable,
  fromPromise,
  type Observer,
  raise,
  sendTo,
  setup,
  spawnChild,
} from 'xstate'
import { describe, expect, test } from 'vitest'
import { actor, type KindOptions } from '#protocol/actor.ts'
import type { AnyEvent } from '#protocol/envelope.ts'
import { reply, subscribe } from '#runtime/core/actions.ts'
import { openStillWorld, overHours, type StillWorld } from '#test/support/still-world.ts'

const hourMs = 3_600_000

const word = (text: string) => ({ type: 'WORD', word: text })
const own = word('own')

/** Tells one event, and completes. */
const once = {
  subscribe(observer: unknown) {
    const { next, complete } = observer as Observer<AnyEvent>
    next?.(own)
    complete?.()
    return { unsubscribe: () => undefined }
  },
}

/** Takes words, and the failure of its action, only when it is open. */
const door = setup({
  types: { context: {} as { got: string[] }, events: {} as AnyEvent },
  actors: {
    caller: fromCallback(({ receive, sendBack }) => receive(() => sendBack(own))),
    stream: fromEventObservable(() => once),
  },
  actions: {
    smash: () => {
      throw new Error('stuck')
    },
    take: assign({
      got: ({ context, event }) => [...context.got, (event['word'] as string | undefined) ?? event.type],
    }),
  },
}).createMachine({
  context: { got: [] },
  entry: subscribe('speaker.>'),
  invoke: { src: 'caller', id: 'caller' },
  initial: 'shut',
  states: {
    shut: { on: { OPEN: 'open' } },
    open: { on: { SHUT: 'shut', WORD: { actions: 'take' }, 'effect.failed': { actions: 'take' } } },
  },
  on: {
    RAISE: { actions: raise(own, { delay: 1000 }) },
    SEND: { actions: sendTo(({ self }) => self, own, { delay: 1000, id: 'mine' }) },
    CALL: { actions: sendTo('caller', { type: 'PLEASE' }) },
    STREAM: { actions: spawnChild('stream', { id: 'stream' }) },
    SMASH: { actions: 'smash' },
  },
})

const speaker = actor('speaker', setup({}).createMachine({ on: { SAY: { actions: emit(own) } } }))

type Source = {
  readonly name: string
  readonly happen: (world: StillWorld) => Promise<void>
  readonly type: string
  readonly from: string | RegExp
  /** Whether what led to it stands on the log. */
  readonly isCaused: boolean
  readonly options?: KindOptions
}

const after =
  (type: string, ms = 0) =>
  async (world: StillWorld) => {
    await world.send('door/main', { type })
    await world.pass(ms)
  }

const sources: readonly Source[] = [
  { name: 'a delayed raise', happen: after('RAISE', 1000), type: 'WORD', from: 'timer', isCaused: true },
  { name: 'a delayed send to itself', happen: after('SEND', 1000), type: 'WORD', from: 'timer', isCaused: true },
  { name: 'a callback', happen: after('CALL'), type: 'WORD', from: /^0-/, isCaused: true },
  { name: 'an observable of events', happen: after('STREAM'), type: 'WORD', from: /^0-/, isCaused: true },
  { name: 'an action that failed', happen: after('SMASH'), type: 'effect.failed', from: /^0-/, isCaused: true },
  {
    name: 'a topic',
    happen: (world) => world.send('speaker/s', { type: 'SAY' }),
    type: 'WORD',
    from: 'topic',
    isCaused: true,
  },
  {
    name: 'a schedule',
    happen: (world) => world.pass(24 * hourMs),
    type: 'WORD',
    from: 'cron',
    isCaused: false,
    options: { cron: { schedule: '0 9 * * *', event: own } },
  },
]

const openDoor = (unhandled: NonNullable<KindOptions['unhandled']>, more: KindOptions = {}) =>
  openStillWorld([actor('door', door, { unhandled, ...more }), speaker], overHours)

async function restart(world: StillWorld): Promise<void> {
  await world.crash()
  await world.start()
}

const stateOf = async (world: StillWorld) => {
  const state = await world.state('door/main')
  const context = state?.snapshot.context as { got: string[] } | undefined
  return { got: context?.got, ...state?.book, status: state?.snapshot.status }
}

const marksOf = async (world: StillWorld) =>
  (await world.realm.operate.history('door/main', { limit: 100 })).flatMap(({ steps }) =>
    steps.flatMap(({ mark }) => mark ?? []),
  )

describe.each(sources)('what no state handles, from $name', ({ happen, type, from, isCaused, options = {} }) => {
  const told = type === 'WORD' ? 'own' : type

  test('is ignored by default, and seen and counted', async () => {
    await using world = await openDoor('ignore', options)
    await world.realm.start('door', 'main', { input: undefined })
    await happen(world)
    expect(await marksOf(world)).toContain('unhandled')
    expect(world.traced('unhandled')).not.toEqual([])
    await world.send('door/main', { type: 'OPEN' })
    const { got, counts, deferred } = await stateOf(world)
    expect([got, deferred]).toEqual([[], undefined])
    // The end of the observable is XState's own to tell, and nobody listens for it either.
    expect(counts).toEqual({ unhandled: (await marksOf(world)).filter((mark) => mark === 'unhandled').length })
    expect(await world.realm.parked.list()).toEqual([])
  })

  test('waits in one order with envelopes, over a crash, under policy "defer"', async () => {
    await using world = await openDoor('defer', options)
    await world.send('door/main', word('before'))
    await happen(world)
    await world.send('door/main', word('after'))
    await restart(world)
    expect((await stateOf(world)).deferred).toHaveLength(3)
    await world.send('door/main', { type: 'OPEN' })
    const { got, deferred } = await stateOf(world)
    expect([got, deferred]).toEqual([['before', told, 'after'], undefined])
    await restart(world)
    expect((await stateOf(world)).got).toEqual(['before', told, 'after'])
  })

  test('is parked once as many wait as may, and taken when replayed', async () => {
    await using world = await openDoor('defer', { ...options, deferLimit: 1 })
    await world.send('door/main', word('before'))
    await happen(world)
    await restart(world)
    const parked = await world.realm.parked.list()
    expect(parked).toMatchObject([{ address: 'door/main', event: { type }, fault: { code: 'event.deferredTooMany' } }])
    await world.send('door/main', { type: 'OPEN' })
    expect((await stateOf(world)).got).toEqual(['before'])
    await world.realm.parked.replay(parked[0]?.place ?? 0)
    await world.settle()
    expect((await stateOf(world)).got).toEqual(['before', told])
    expect(await world.realm.parked.list()).toEqual([])
  })

  test('is set aside as an envelope under policy "park", to be mended and replayed', async () => {
    await using world = await openDoor('park', options)
    await world.realm.start('door', 'main', { input: undefined })
    await happen(world)
    await restart(world)
    const [entry, ...others] = await world.realm.parked.list()
    expect(others).toEqual([])
    expect(entry).toMatchObject({ event: { type }, fault: { code: 'event.unhandled' } })
    expect(entry?.envelope).toMatchObject({
      to: 'door/main',
      from: from instanceof RegExp ? expect.stringMatching(from) : from,
      at: expect.any(Number),
      cause: isCaused ? expect.stringMatching(/^\d+$/) : undefined,
      ask: undefined,
    })
    if (typeof from === 'string') expect(entry?.envelope?.id).toEqual(expect.any(String))
    await world.send('door/main', { type: 'OPEN' })
    await world.realm.parked.replay(entry?.place ?? 0, word('mended'))
    await world.settle()
    expect((await stateOf(world)).got).toEqual(['mended'])
    expect((await stateOf(world)).counts).toMatchObject({ parked: 1 })
  })

  test('is a failure of the machine under policy "fail": met once, parked and counted', async () => {
    await using world = await openDoor('fail', options)
    await world.realm.start('door', 'main', { input: undefined })
    await happen(world)
    await restart(world)
    expect(await world.realm.parked.list()).toMatchObject([{ event: { type }, fault: { code: 'event.unhandled' } }])
    expect(await stateOf(world)).toMatchObject({
      status: 'active',
      counts: { parked: 1, unhandled: expect.any(Number) },
    })
    await world.send('door/main', { type: 'OPEN' })
    await happen(world)
    expect((await stateOf(world)).got).toEqual([told])
    expect(await world.realm.parked.list()).toHaveLength(1)
  })

  test('ends the machine under policy "fail" whose supervision stops it, and is parked as it came', async () => {
    await using world = await openDoor('fail', { ...options, supervision: { strategy: 'stop' } })
    await world.realm.start('door', 'main', { input: undefined })
    await happen(world)
    expect((await world.state('door/main'))?.snapshot).toMatchObject({
      status: 'error',
      error: { code: 'event.unhandled' },
    })
    expect(await world.realm.parked.list()).toMatchObject([{ event: { type }, fault: { code: 'event.unhandled' } }])
  })
})

describe("XState's own events, that tell of something and are sent by nobody", () => {
  const kid = setup({}).createMachine({ initial: 'a', states: { a: { after: { 10: 'b' } }, b: { type: 'final' } } })
  const parent = setup({
    actors: {
      kid,
      sum: fromPromise(async () => 1),
      bad: fromPromise(async () => {
        throw new Error('bad')
      }),
    },
    guards: { never: () => false },
  }).createMachine({
    on: {
      WAIT: '.waiting',
      SUM: { actions: spawnChild('sum', { id: 'sum' }) },
      KID: { actions: spawnChild('kid', { id: 'kid' }) },
      FOLLOW: '.following',
      BAD: { actions: spawnChild('bad', { id: 'bad' }) },
    },
    initial: 'idle',
    states: {
      idle: {},
      waiting: { after: { 1000: { guard: 'never', target: 'idle' } } },
      following: { invoke: { src: 'kid', onSnapshot: { guard: 'never', actions: [] } } },
    },
  })

  const told = [
    ['a delay that is over, when its guard says no', 'WAIT', 1],
    ['the end of a promise', 'SUM', 1],
    ['the end of a child', 'KID', 1],
    ['a snapshot and the end of a child', 'FOLLOW', 2],
  ] as const

  describe.each(['ignore', 'defer', 'park', 'fail'] as const)('under policy "%s"', (unhandled) => {
    test.each(told)('%s: passed over and counted', async (_, type, count) => {
      await using world = await openStillWorld([actor('parent', parent, { unhandled })])
      await world.send('parent/a', { type })
      await world.pass(1000)
      await restart(world)
      const { book, snapshot } = (await world.state('parent/a')) ?? {}
      expect(snapshot?.status).toBe('active')
      expect(book?.counts).toEqual({ unhandled: count })
      expect(book?.deferred).toBeUndefined()
      expect(await world.realm.parked.list()).toEqual([])
    })

    test("a child's error is XState's to act on: the machine is in error", async () => {
      await using world = await openStillWorld([actor('parent', parent, { unhandled })])
      await world.send('parent/a', { type: 'BAD' })
      expect((await world.state('parent/a'))?.snapshot).toMatchObject({ status: 'error', error: { message: 'bad' } })
      expect(await world.realm.parked.list()).toEqual([])
    })
  })
})

test('a copy of what an effect told is known as one, also when the machine failed on the first', async () => {
  await using world = await openDoor('fail')
  await world.send('door/main', { type: 'CALL' })
  const told = world.log.entries().filter(({ subject }) => subject.endsWith('.e.door.main'))
  expect(told).toHaveLength(1)
  for (const { subject, data } of told) await world.realm.bus.append({ subject, data })
  await world.settle()
  expect(await world.realm.parked.list()).toHaveLength(1)
  expect(await marksOf(world)).toContain('duplicate')
})

test('what waited on behalf of a question answers that one, also after a crash', async () => {
  const oracle = setup({ types: { events: {} as AnyEvent } }).createMachine({
    initial: 'shut',
    states: {
      shut: { on: { OPEN: 'open' } },
      open: { on: { ANSWER: { actions: reply(({ event }) => event['n']) } } },
    },
    on: {
      ASK: {
        actions: raise(({ event }) => ({ type: 'ANSWER', n: event['n'] }), {
          delay: ({ event }) => event['ms'] as number,
        }),
      },
    },
  })
  await using world = await openStillWorld([actor('oracle', oracle, { unhandled: 'defer' })])
  const ask = (n: number, ms: number) => world.realm.at('oracle/a').ask({ type: 'ASK', n, ms }, { timeoutMs: 10_000 })
  const answers = Promise.all([ask(1, 2000), ask(2, 1000)])
  await world.pass(3000)
  await restart(world)
  await world.send('oracle/a', { type: 'OPEN' })
  expect(await answers).toEqual([1, 2])
})

test('a child defers as its kind does, and is in error under "fail", of which its parent hears', async () => {
  const kid = setup({ types: { context: {} as { got: number } } }).createMachine({
    context: { got: 0 },
    initial: 'shut',
    entry: raise({ type: 'LATE' }, { delay: 100 }),
    states: {
      shut: { after: { 200: 'open' } },
      open: { on: { LATE: { actions: assign({ got: ({ context }) => context.got + 1 }) } } },
    },
  })
  const parent = setup({ actors: { kid }, types: { context: {} as { heard: unknown } } }).createMachine({
    context: { heard: undefined },
    invoke: {
      src: 'kid',
      id: 'kid',
      onError: { actions: assign({ heard: ({ event }) => (event.error as { code: string }).code }) },
    },
  })
  const run = async (unhandled: 'defer' | 'fail') => {
    const world = await openStillWorld([actor('parent', parent, { unhandled })])
    await world.realm.start('parent', 'a', { input: undefined })
    await world.pass(150)
    await restart(world)
    await world.pass(200)
    return world
  }
  await using deferring = await run('defer')
  expect((await deferring.state('parent/a~kid~1'))?.snapshot.context).toEqual({ got: 1 })
  await using failing = await run('fail')
  expect((await failing.state('parent/a'))?.snapshot.context).toEqual({ heard: 'event.unhandled' })
})
