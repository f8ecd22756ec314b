/** A kind's schema is for what others send: what an actor brought about itself always reaches its machine. */
import { afterEach, expect, test } from 'vitest'
import { assign, createMachine, emit, fromCallback, fromPromise, raise, setup } from 'xstate'
import { z } from 'zod'
import { actor } from '#protocol/actor.ts'
import { subscribe, tell, watch } from '#runtime/core/actions.ts'
import { failGate, gate, openGate, resetGates } from '#test/support/gates.ts'
import { openStillWorld, type StillWorld } from '#test/support/still-world.ts'

afterEach(resetGates)

type Ctx = { readonly heard: readonly string[] }

/** Knows no event but these, and whatever else comes is invalid. */
const schema = z.strictObject({ type: z.enum(['GO', 'WORD']) })

const hear = assign(({ context, event }: { context: Ctx; event: any }) => ({
  heard: [...context.heard, event.type as string],
}))

const poke = (): unknown => gate('poke')

const ear = setup({
  types: { context: {} as Ctx, events: {} as any },
  actors: {
    work: fromPromise(() => gate('work')),
    fail: fromPromise(() => gate('fail')),
    call: fromCallback(({ sendBack }) => void gate('call').then(() => sendBack({ type: 'CALLED' }))),
    child: createMachine({ initial: 'on', states: { on: { after: { 100: 'off' } }, off: { type: 'final' } } }),
  },
  actions: { poke },
}).createMachine({
  context: { heard: [] },
  entry: [watch('other/b'), subscribe('other.*.RANG'), 'poke', raise({ type: 'LATER' }, { delay: 100 })],
  invoke: [
    { src: 'work', id: 'work' },
    { src: 'fail', id: 'fail' },
    { src: 'call', id: 'call' },
    { src: 'child', id: 'child' },
  ],
  after: { 100: { actions: hear } },
  on: { '*': { actions: hear }, 'xstate.error.actor.fail': { actions: hear } },
} as any)

const other = setup({ types: { events: {} as any, emitted: {} as any } }).createMachine({
  on: {
    RING: { actions: emit({ type: 'RANG' }) },
    MEDDLE: { actions: tell('ear/a', { type: 'MEDDLED' }) },
  },
})

const kinds = [
  actor('ear', ear, { schema, cron: { schedule: '0 * * * *', key: 'a', event: { type: 'TICK' } } }),
  actor('other', other),
]

const hears: readonly (readonly [type: string, happens: (world: StillWorld) => unknown])[] = [
  ['LATER', (world) => world.pass(100)],
  ['xstate.after.100.(machine)', (world) => world.pass(100)],
  ['TICK', (world) => world.pass(3_600_000)],
  ['xstate.done.actor.work', () => openGate('work', 1)],
  ['xstate.error.actor.fail', () => failGate('fail', new Error('no'))],
  ['CALLED', () => openGate('call')],
  ['xstate.done.actor.child', (world) => world.pass(100)],
  ['effect.failed', () => failGate('poke', new Error('no'))],
  ['RANG', (world) => world.send('other/c', { type: 'RING' })],
  ['actor.ended', (world) => world.realm.operate.stop('other/b')],
]

async function open(): Promise<StillWorld> {
  const world = await openStillWorld(kinds)
  await world.send('other/b', { type: 'NONE' })
  await world.send('ear/a', { type: 'GO' })
  return world
}

const heard = async (world: StillWorld): Promise<unknown> =>
  ((await world.state('ear/a'))?.snapshot.context as Ctx | undefined)?.heard

test.each(hears)('%s is not looked at by a schema that does not know it', async (type, happens) => {
  await using world = await open()
  await happens(world)
  await world.settle()
  expect(await heard(world)).toContain(type)
  expect(await world.realm.parked.list()).toEqual([])
})

test('what others send is looked at, outsiders and actors alike, also under the name of an event of the node', async () => {
  await using world = await open()
  await world.send('ear/a', { type: 'LATER' })
  await world.send('ear/a', { type: 'actor.ended' })
  await world.send('other/c', { type: 'MEDDLE' })
  expect(await heard(world)).toEqual(['GO'])
  expect((await world.realm.parked.list()).map(({ fault }) => fault.code)).toEqual([
    'event.invalid',
    'event.invalid',
    'event.invalid',
  ])
})
