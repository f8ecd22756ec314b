import { assign, fromCallback, sendTo, setup, spawnChild, stopChild } from 'xstate'
import { describe, expect, test } from 'vitest'
import { actor } from '#protocol/actor.ts'
import { addressOf } from '#protocol/address.ts'
import type { AnyEvent } from '#protocol/envelope.ts'
import { Ref } from '#protocol/codec.ts'
import { partitionOf } from '#protocol/partition.ts'
import { refTo } from '#runtime/core/actions.ts'
import { note, notes, resetGates } from '#test/support/gates.ts'
import { openStillWorld, type StillWorld } from '#test/support/still-world.ts'

type Ctx = { readonly kept: unknown; readonly heard: readonly string[] }
type Event = AnyEvent & { readonly ref?: unknown; readonly to?: string; readonly name?: string }

const types = { context: {} as Ctx, events: {} as Event }
const hear = assign<Ctx, Event, undefined, Event, never>({
  heard: ({ context, event }) => [...context.heard, event.type],
})

const kid = setup({ types, actions: { hear } }).createMachine({
  context: { kept: undefined, heard: [] },
  on: { '*': { actions: 'hear' } },
})
/** Says what it is told; lives for as long as nobody stops it. */
const echo = fromCallback<AnyEvent, { name: string }>(({ input, receive }) => {
  note(`${input.name} begun`)
  receive(({ type }) => note(`${input.name} heard ${type}`))
  return () => note(`${input.name} stopped`)
})

type Args = { readonly context: Ctx; readonly event: Event; readonly system: { get(id: string): unknown } }
const named = (name: string): never => (({ system }: Args) => system.get(name)) as never
const kept = (({ context }: Args) => context.kept) as never

/** Every step here spawns, and hands on or keeps the reference before it is over. */
const owner = setup({
  types,
  actors: { kid, echo },
  actions: {
    hear,
    keep: assign({ kept: ({ system, event }) => system.get(event.name ?? 'echo') }),
    spawnEcho: spawnChild('echo', {
      id: 'echo',
      systemId: 'echo',
      input: ({ event }) => ({ name: event.name ?? 'echo' }),
    }),
  },
}).createMachine({
  context: { kept: undefined, heard: [] },
  on: {
    ECHO: { actions: ['spawnEcho', assign({ kept: ({ system }) => system.get('echo') })] },
    AND_SAY: {
      actions: [
        'spawnEcho',
        assign({ kept: ({ system }) => system.get('echo') }),
        sendTo(kept, { type: 'AT_ONCE' } as never),
      ],
    },
    KID: {
      actions: [spawnChild('kid', { id: 'kid', systemId: 'kid' }), assign({ kept: ({ system }) => system.get('kid') })],
    },
    SAY: { actions: sendTo(kept, { type: 'SAID' } as never) },
    SAY_LATER: { actions: sendTo(kept, { type: 'SAID_LATER' } as never, { delay: 1000 }) },
    STOP_KEPT: { actions: stopChild(kept) },
    STOP_ID: { actions: stopChild('echo') },
    AND_STOP: { actions: ['spawnEcho', sendTo(named('echo'), { type: 'NEVER' } as never), stopChild(named('echo'))] },
    KID_AND_STOP: {
      actions: [
        spawnChild('kid', { id: 'kid', systemId: 'kid' }),
        sendTo(named('kid'), { type: 'NEVER' } as never),
        stopChild(named('kid')),
      ],
    },
    GIVE_ECHO: {
      actions: [
        'spawnEcho',
        sendTo(
          ({ event }) => refTo(event.to ?? ''),
          ({ system }) => ({ type: 'TAKE', ref: system.get('echo') }) as never,
        ),
      ],
    },
    GIVE_KID: {
      actions: [
        spawnChild('kid', { id: 'kid', systemId: 'kid' }),
        sendTo(
          ({ event }) => refTo(event.to ?? ''),
          ({ system }) => ({ type: 'TAKE', ref: system.get('kid') }) as never,
        ),
      ],
    },
    '*': { actions: 'hear' },
  },
})

/** Keeps what it is given; it has a callback of its own under the same id, which must not be meant. */
const taker = setup({ types, actors: { echo }, actions: { hear } }).createMachine({
  context: { kept: undefined, heard: [] },
  entry: spawnChild('echo', { id: 'echo', input: { name: 'own' } }),
  on: {
    TAKE: { actions: assign({ kept: ({ event }) => event.ref }) },
    TAKE_AND_SAY: { actions: sendTo(({ event }) => event.ref as never, { type: 'SAID' } as never) },
    SAY: { actions: sendTo(kept, { type: 'SAID' } as never) },
    SAY_LATER: { actions: sendTo(kept, { type: 'SAID_LATER' } as never, { delay: 1000 }) },
    '*': { actions: 'hear' },
  },
})
const kinds = [actor('owner', owner), actor('taker', taker)]

const partitions = 4
const home = partitionOf('owner/a', partitions)
const takerIn = (isWanted: (partition: number) => boolean): string =>
  Array.from({ length: 50 }, (_, at) => addressOf('taker', `t${at}`)).find((one) =>
    isWanted(partitionOf(one, partitions)),
  ) ?? 'none'
const neighbour = takerIn((partition) => partition === home)
const elsewhere = takerIn((partition) => partition !== home)
const takers = [
  ['in the same partition', neighbour],
  ['in another partition', elsewhere],
] as const

async function open(): Promise<StillWorld> {
  resetGates()
  return await openStillWorld(kinds, { partitions })
}

async function restart(world: StillWorld): Promise<void> {
  await world.crash()
  await world.start()
  await world.pass(0)
}

const saidBy = (name: string): unknown[] => notes().filter((one) => String(one).startsWith(`${name} heard`))

async function heardBy(world: StillWorld, address: string): Promise<unknown> {
  return ((await world.state(address))?.snapshot.context as Ctx | undefined)?.heard
}

describe('a reference that is kept in the step that spawned', () => {
  test('leads to a callback in that step, in the next one, and after a restart', async () => {
    await using world = await open()
    await world.send('owner/a', { type: 'AND_SAY' })
    expect(saidBy('echo')).toEqual(['echo heard AT_ONCE'])
    await world.send('owner/a', { type: 'SAY' })
    await restart(world)
    await world.send('owner/a', { type: 'SAY' })
    expect(saidBy('echo')).toEqual(['echo heard AT_ONCE', 'echo heard SAID', 'echo heard SAID'])
  })

  test('leads to a child actor in the next step and after a restart', async () => {
    await using world = await open()
    await world.send('owner/a', { type: 'KID' })
    await world.send('owner/a', { type: 'SAY' })
    await restart(world)
    await world.send('owner/a', { type: 'SAY' })
    expect(await heardBy(world, 'owner/a~kid~1')).toEqual(['SAID', 'SAID'])
  })

  test('means that spawn for ever: not one of the same id that comes after it', async () => {
    await using world = await open()
    await world.send('owner/a', { type: 'ECHO', name: 'first' })
    await world.send('owner/a', { type: 'STOP_ID' })
    const old = ((await world.state('owner/a'))?.snapshot.context as Ctx | undefined)?.kept
    await world.send('owner/a', { type: 'AND_SAY', name: 'second' })
    await world.send('taker/t', { type: 'TAKE_AND_SAY', ref: old })
    expect(saidBy('second')).toEqual(['second heard AT_ONCE'])
    expect(await heardBy(world, 'owner/a')).toEqual([])
  })

  test('stops what it means, also steps later', async () => {
    await using world = await open()
    await world.send('owner/a', { type: 'ECHO' })
    await world.send('owner/a', { type: 'STOP_KEPT' })
    expect(notes()).toEqual(['echo begun', 'echo stopped'])
    expect((await world.state('owner/a'))?.book).toEqual({})
  })

  test('takes a delayed event to the callback, not to its owner', async () => {
    await using world = await open()
    await world.send('owner/a', { type: 'ECHO' })
    await world.send('owner/a', { type: 'SAY_LATER' })
    await restart(world)
    await world.pass(1000)
    expect(saidBy('echo')).toEqual(['echo heard SAID_LATER'])
    expect(await heardBy(world, 'owner/a')).toEqual([])
  })
})

test.for(['AND_STOP', 'KID_AND_STOP'])(
  'what is spawned and stopped by its name in one step never was: %s',
  async (type) => {
    await using world = await open()
    await world.send('owner/a', { type })
    expect(notes()).toEqual([])
    expect((await world.state('owner/a'))?.book).toEqual({})
    expect(await world.realm.parked.list()).toEqual([])
  },
)

describe('a reference that is given to another actor in the step that spawned', () => {
  test.for(takers)('leads to the callback of who gave it, %s', async ([, taking]) => {
    await using world = await open()
    await world.send('owner/a', { type: 'GIVE_ECHO', to: taking })
    await world.send(taking, { type: 'SAY' })
    await restart(world)
    await world.send(taking, { type: 'SAY' })
    await world.send(taking, { type: 'SAY_LATER' })
    await world.pass(1000)
    expect(saidBy('echo')).toEqual(['echo heard SAID', 'echo heard SAID', 'echo heard SAID_LATER'])
    expect(saidBy('own')).toEqual([])
    expect(await heardBy(world, 'owner/a')).toEqual([])
    expect(await world.realm.parked.list()).toEqual([])
  })

  test.for(takers)('leads to its child actor, %s', async ([, taking]) => {
    await using world = await open()
    await world.send('owner/a', { type: 'GIVE_KID', to: taking })
    await world.send(taking, { type: 'SAY' })
    await restart(world)
    await world.send(taking, { type: 'SAY' })
    expect(await heardBy(world, 'owner/a~kid~1')).toEqual(['SAID', 'SAID'])
  })

  test('says nothing more once the callback has ended', async () => {
    await using world = await open()
    await world.send('owner/a', { type: 'GIVE_ECHO', to: elsewhere })
    await world.send('owner/a', { type: 'STOP_ID' })
    await world.send(elsewhere, { type: 'SAY' })
    expect(saidBy('echo')).toEqual([])
    expect(world.traced('stepped').at(-1)).toMatchObject({ address: 'owner/a', type: 'perdure.tell', mark: 'stale' })
  })
})

test('a reference to a callback that went through JSON is the same reference', () => {
  const ref = new Ref('owner/a', 'echo', 'echo', '~1~echo')
  expect(JSON.parse(JSON.stringify(ref))).toMatchObject({ address: 'owner/a', effectId: '~1~echo' })
  expect(JSON.parse(JSON.stringify(new Ref('owner/a')))).toEqual({ xstate$$type: 1, id: 'owner/a', address: 'owner/a' })
})
