/** What supervision comes to is looked at like every step: it may be what cannot be sent or stored. */
import { assign, emit, fromCallback, sendTo, setup } from 'xstate'
import { describe, expect, test } from 'vitest'
import { actor, type KindOptions } from '#protocol/actor.ts'
import type { AnyEvent } from '#protocol/envelope.ts'
import { openStillWorld, type StillWorld } from '#test/support/still-world.ts'

const megabytes = 'x'.repeat(3_000_000)

const counter = actor(
  'counter',
  setup({ types: { context: {} as { n: number } } }).createMachine({
    context: { n: 0 },
    on: { ADD: { actions: assign({ n: ({ context }) => context.n + 1 }) } },
  }),
)

/** One partition for all: whoever is in it shares its fate. */
const openWorld = (kind: ReturnType<typeof actor>, options = {}) =>
  openStillWorld([kind, counter], { partitions: 1, options })

async function expectServed(world: StillWorld): Promise<void> {
  expect(world.traced('partition.lost')).toEqual([])
  await world.send('counter/a', { type: 'ADD' })
  await world.crash()
  await world.start()
  expect(await world.state('counter/a')).toMatchObject({ snapshot: { context: { n: 1 } } })
  expect(world.traced('partition.lost')).toEqual([])
}

let nested: unknown = 1
for (let depth = 0; depth < 10_000; depth++) nested = { nested }

const unsendable = {
  'a function': () => 1,
  'a symbol': Symbol('s'),
  'more than the server takes': megabytes,
  'an error of more than the server takes': new Error(megabytes),
  'more than the server takes, as a key': { [megabytes]: 1 },
  'what is nested too deep': nested,
}

describe.each(Object.entries(unsendable))('%s', (_, value) => {
  test.each(['sends', 'emits'])('that a step %s is a fault of that step', async (verb) => {
    const machine = setup({}).createMachine({
      on: {
        GO: {
          actions:
            verb === 'sends' ? sendTo(({ self }) => self, { type: 'IT', value }) : emit({ type: 'IT', value } as never),
        },
      },
    })
    await using world = await openWorld(actor('sender', machine))
    await world.send('sender/a', { type: 'HELLO' })
    await world.send('sender/a', { type: 'GO' })
    expect(await world.realm.parked.list()).toMatchObject([{ address: 'sender/a', event: { type: 'GO' } }])
    expect((await world.state('sender/a'))?.snapshot.status).toBe('active')
    await expectServed(world)
  })

  test.each(['sends', 'keeps'])('that a new life %s under "restart" ends its actor with the fault', async (verb) => {
    let life = 0
    const hidden = (): unknown => (life > 1 ? value : 'fine')
    const machine = setup({ types: { context: {} as { value: unknown } } }).createMachine({
      context: () => (++life, { value: verb === 'keeps' ? hidden() : 1 }),
      entry: sendTo(
        ({ self }) => self,
        () => ({ type: 'IT', value: verb === 'sends' ? hidden() : 1 }),
      ),
      on: {
        BAD: {
          actions: assign(() => {
            throw new Error('bad')
          }),
        },
      },
    })
    const kind = actor('phoenix', machine, { supervision: { strategy: 'restart' } })
    await using world = await openWorld(kind, { stateBytesMost: 1_000_000 })
    await world.send('phoenix/a', { type: 'HELLO' })
    await world.send('phoenix/a', { type: 'BAD' })
    expect((await world.state('phoenix/a'))?.snapshot.status).toBe('error')
    expect(await world.realm.parked.list()).toMatchObject([{ address: 'phoenix/a', event: { type: 'BAD' } }])
    await expectServed(world)
  })
})

const throwing = (error: unknown) =>
  setup({ types: { events: {} as AnyEvent } }).createMachine({
    on: {
      BAD: {
        actions: assign(() => {
          throw error
        }),
      },
    },
  })

const loud = Object.assign(new Error('too loud'), { data: megabytes })

describe.each([
  ['a field of it', loud, 'too loud'],
  ['its message', new Error(`loud ${megabytes}`), 'loud'],
  ['all of it, thrown as a text', `loud ${megabytes}`, 'loud'],
])('an error too large to be told, by %s,', (_, error, words) => {
  test.each(['resume', 'restart', 'stop', 'escalate'] as const)('of a root under "%s"', async (strategy) => {
    const options: KindOptions = { supervision: { strategy } }
    await using world = await openWorld(actor('loud', throwing(error), options), { stateBytesMost: 1_000_000 })
    await world.send('loud/a', { type: 'HELLO' })
    const asked = world.realm
      .at('loud/a')
      .ask({ type: 'BAD' }, { timeoutMs: 10_000 })
      .catch((refused: unknown) => refused)
    await world.settle()
    expect(await asked).toMatchObject({ code: 'ask.refused' })
    expect(await world.realm.parked.list()).toMatchObject([{ address: 'loud/a', event: { type: 'BAD' } }])
    const isOver = strategy === 'stop' || strategy === 'escalate'
    expect((await world.state('loud/a'))?.snapshot.status).toBe(isOver ? 'error' : 'active')
    await expectServed(world)
  })

  test.each(['resume', 'stop'] as const)('of the first step of a root under "%s"', async (strategy) => {
    const options: KindOptions = { supervision: { strategy } }
    await using world = await openWorld(actor('loud', throwing(error), options), { stateBytesMost: 1_000_000 })
    await world.send('loud/a', { type: 'BAD' })
    expect(await world.realm.parked.list()).toMatchObject([{ address: 'loud/a', event: { type: 'BAD' } }])
    expect((await world.state('loud/a'))?.snapshot.status).toBe(strategy === 'stop' ? 'error' : undefined)
    await expectServed(world)
  })

  test('of a child: its parent hears the words', async () => {
    const parent = setup({
      types: { context: {} as { heard: string | undefined }, events: {} as AnyEvent },
      actors: { kid: throwing(error), idle: fromCallback(() => undefined) },
    }).createMachine({
      context: { heard: undefined },
      invoke: {
        src: 'kid',
        id: 'kid',
        onError: {
          actions: assign({ heard: ({ event }) => (event.error as Error).message.slice(0, words.length) }),
        },
      },
      on: { BAD: { actions: sendTo('kid', { type: 'BAD' }) } },
    })
    await using world = await openWorld(actor('parent', parent))
    await world.send('parent/a', { type: 'BAD' })
    expect((await world.state('parent/a'))?.snapshot).toMatchObject({ status: 'active', context: { heard: words } })
    await expectServed(world)
  })

  test('of a child in its first step: its parent hears the words', async () => {
    const kid = setup({}).createMachine({
      entry: assign(() => {
        throw error
      }),
    })
    const parent = setup({ types: { context: {} as { heard: string | undefined } }, actors: { kid } }).createMachine({
      context: { heard: undefined },
      invoke: {
        src: 'kid',
        id: 'kid',
        onError: {
          actions: assign({ heard: ({ event }) => (event.error as Error).message.slice(0, words.length) }),
        },
      },
    })
    await using world = await openWorld(actor('parent', parent))
    await world.realm.start('parent', 'a', { input: undefined })
    await world.settle()
    expect((await world.state('parent/a'))?.snapshot).toMatchObject({ status: 'active', context: { heard: words } })
    await expectServed(world)
  })
})
