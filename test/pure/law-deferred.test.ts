/** An event that waits is tried again whenever its actor's state changed, whatever changed it. */
import { afterEach, describe, expect, test } from 'vitest'
import { assign, createMachine, emit, fromCallback, fromPromise, raise, sendParent, setup } from 'xstate'
import { actor, type KindOptions } from '#protocol/actor.ts'
import { subscribe } from '#runtime/core/actions.ts'
import { failGate, gate, openGate, resetGates } from '#test/support/gates.ts'
import { openStillWorld, type StillWorld } from '#test/support/still-world.ts'

afterEach(resetGates)

type Ctx = { readonly got: readonly string[] }

const taken = ({ context, event }: { context: Ctx; event: any }): readonly string[] => [...context.got, event.word]

const poke = (): unknown => gate('poke')

/** Shut in many ways; open, it takes words. Words are all that it ever defers. */
const door = setup({
  types: { context: {} as Ctx, events: {} as any },
  actors: {
    work: fromPromise(() => gate('work')),
    call: fromCallback(({ sendBack }) => void gate('call').then(() => sendBack({ type: 'OPEN' }))),
    child: createMachine({ initial: 'on', states: { on: { on: { END: 'off' } }, off: { type: 'final' } } }),
    herald: createMachine({ on: { END: { actions: sendParent({ type: 'OPEN' }) } } }),
  },
  actions: { poke },
}).createMachine({
  context: { got: [] },
  initial: 'shut',
  states: {
    shut: {
      on: {
        OPEN: 'open',
        RAISED: { actions: raise({ type: 'OPEN' }, { delay: 500 }) },
        AFTER: '.timed',
        DONE: '.working',
        FAILED: '.working',
        CALL: '.calling',
        CHILD: '.raising',
        HERALD: '.hearing',
        POKE: { actions: 'poke' },
        'effect.failed': 'open',
        TOPIC: { actions: subscribe('bell.*.RANG') },
        RANG: 'open',
        TICK: 'open',
      },
      initial: 'plain',
      states: {
        plain: {},
        timed: { after: { 500: '#door.open' } },
        working: { invoke: { src: 'work', onDone: '#door.open', onError: '#door.open' } },
        calling: { invoke: { src: 'call' } },
        raising: { invoke: { src: 'child', id: 'kid', onDone: '#door.open' } },
        hearing: { invoke: { src: 'herald', id: 'kid' } },
      },
    },
    open: { on: { WORD: { actions: assign({ got: taken }) } } },
  },
  id: 'door',
})

const bell = setup({ types: { emitted: {} as { type: 'RANG' } } }).createMachine({
  on: { PULL: { actions: emit({ type: 'RANG' }) } },
})

const open = (options: KindOptions = {}) =>
  openStillWorld([actor('door', door, { unhandled: 'defer', ...options }), actor('bell', bell)])

async function got(world: StillWorld): Promise<unknown> {
  return ((await world.state('door/a'))?.snapshot.context as Ctx | undefined)?.got
}

type Way = readonly [what: string, begins: string, opens: (world: StillWorld) => unknown, options?: KindOptions]

const ways: readonly Way[] = [
  ['an event', 'NONE', (world) => world.send('door/a', { type: 'OPEN' })],
  ['a delay of a state', 'AFTER', (world) => world.pass(500)],
  ['an event that it raised later', 'RAISED', (world) => world.pass(500)],
  ['the result of an effect', 'DONE', () => openGate('work', 1)],
  ['the failure of an effect', 'FAILED', () => failGate('work', new Error('no'))],
  ['an event of a callback', 'CALL', () => openGate('call')],
  ['the end of a child', 'CHILD', (world) => world.send('door/a~kid~1', { type: 'END' })],
  ['an event of a child', 'HERALD', (world) => world.send('door/a~kid~1', { type: 'END' })],
  ['the failure of an action', 'POKE', () => failGate('poke', new Error('no'))],
  ['an emitted event', 'TOPIC', (world) => world.send('bell/b', { type: 'PULL' })],
  [
    'a schedule',
    'NONE',
    (world) => world.pass(3_600_000),
    { cron: { schedule: '0 * * * *', key: 'a', event: { type: 'TICK' } } },
  ],
]

describe('what waits is tried again when its state was changed by', () => {
  for (const [what, begins, opens, options] of ways)
    test(what, async () => {
      await using world = await open(options)
      await world.send('door/a', { type: begins })
      await world.send('door/a', { type: 'WORD', word: 'a' })
      expect(await got(world)).toEqual([])
      await opens(world)
      await world.settle()
      expect(await got(world)).toEqual(['a'])
    })
})

describe('a new life after a failure', () => {
  /** The first life is shut for good; whoever is born again is open. */
  const machine = setup({ types: { context: {} as Ctx, events: {} as any } }).createMachine({
    context: { got: [] },
    initial: 'open',
    states: {
      open: {
        on: {
          SHUT: 'shut',
          WORD: { actions: assign({ got: taken }) },
          BAD: {
            actions: assign(() => {
              throw new RangeError('bad word')
            }),
          },
        },
      },
      shut: {
        on: {
          BREAK: {
            actions: assign(() => {
              throw new Error('broken')
            }),
          },
        },
      },
    },
  })
  const kind = actor('door', machine, { unhandled: 'defer', supervision: { strategy: 'restart' } })

  test('takes what the life before it left waiting, in its order', async () => {
    await using world = await openStillWorld([kind])
    for (const type of ['SHUT', 'WORD', 'WORD', 'BREAK']) await world.send('door/a', { type, word: type })
    expect(await got(world)).toEqual(['WORD', 'WORD'])
    expect((await world.state('door/a'))?.book.deferred).toBeUndefined()
  })

  test('is not ended by one of them that makes it throw: that one is parked alone', async () => {
    await using world = await openStillWorld([kind])
    for (const type of ['SHUT', 'BAD', 'WORD', 'BREAK']) await world.send('door/a', { type, word: type })
    expect(await got(world)).toEqual(['WORD'])
    expect((await world.state('door/a'))?.snapshot.status).toBe('active')
    expect((await world.realm.parked.list()).map(({ event }) => (event as { type: string }).type).toSorted()).toEqual([
      'BAD',
      'BREAK',
    ])
  })
})

test('a definition that handles what the one before left waiting takes it at once', async () => {
  const make = (version: number) => {
    const machine = setup({ types: { context: {} as Ctx, events: {} as any } }).createMachine({
      context: { got: [] },
      initial: 'shut',
      states: { shut: version === 1 ? {} : { on: { WORD: { actions: assign({ got: taken }) } } } },
    })
    return actor('door', machine, { version, unhandled: 'defer' })
  }
  await using world = await openStillWorld([make(1)])
  for (const word of ['a', 'b']) await world.send('door/a', { type: 'WORD', word })
  await world.crash()
  await world.start([make(2)])
  expect(await got(world)).toEqual(['a', 'b'])
  expect((await world.state('door/a'))?.book.deferred).toBeUndefined()
})
