/** Two trials of one cut part where their change makes them part, and nowhere else. */
import { beforeEach, expect, test } from 'vitest'
import { assign, fromPromise, setup } from 'xstate'
import { actor, type ActorKind } from '#protocol/actor.ts'
import type { Address } from '#protocol/address.ts'
import { tell } from '#runtime/core/actions.ts'
import { invariant } from '#runtime/cuts/reading/invariant.ts'
import type { CutView } from '#runtime/cuts/reading/open-cut.ts'
import type { Came } from '#runtime/cuts/restoring/replay.ts'
import type { ActorDifference } from '#runtime/cuts/reading/diff-cuts.ts'
import { diffRun, type DiffRun } from '#runtime/forks/diff-run.ts'
import { note, notes, resetGates } from '#test/support/gates.ts'
import { openRestoreRealm, type RestoreRealm } from '#test/support/restore-world.ts'
import { allCame, openTestTrial } from '#test/support/trial-world.ts'

beforeEach(() => resetGates())

type Shop = { readonly where?: string; readonly tax?: number }

/** Orders that ask what something costs, tell the till, and are closed by a timer. */
function shop({ where = 'shop', tax = 0 }: Shop = {}): readonly ActorKind[] {
  let asked = 0
  const quote = fromPromise(async ({ input }: { input: { what: string } }) => {
    note(`${where} asks for ${input.what}`)
    return 10 + ++asked
  })
  const order = actor(
    'order',
    setup({
      types: {
        context: {} as { what: string; paid: number },
        events: {} as { type: 'BUY'; what: string },
      },
      actors: { quote },
      delays: { closing: 5000 },
    }).createMachine({
      context: { what: '', paid: 0 },
      initial: 'open',
      states: {
        open: {
          on: { BUY: { target: 'asking', actions: assign({ what: ({ event }) => event.what }) } },
          after: { closing: 'closed' },
        },
        asking: {
          invoke: {
            src: 'quote',
            input: ({ context }) => ({ what: context.what }),
            onDone: {
              target: 'open',
              actions: [
                assign({ paid: ({ context, event }) => context.paid + event.output + tax }),
                tell('till/main', ({ event }) => ({ type: 'TAKE', paid: event.output })),
              ],
            },
          },
        },
        closed: {},
      },
    }),
    { version: 1, effects: ['quote'] },
  )
  return [order, till]
}

const till = actor(
  'till',
  setup({ types: { context: {} as { sum: number }, events: {} as { type: 'TAKE'; paid: number } } }).createMachine({
    context: { sum: 0 },
    on: { TAKE: { actions: assign({ sum: ({ context, event }) => context.sum + event.paid }) } },
  }),
  { version: 1 },
)

async function buy(world: RestoreRealm, key: string, what: string, ms = 1000): Promise<void> {
  await world.realm.send(`order/${key}`, { type: 'BUY', what })
  await world.settle()
  await world.pass(ms)
}

type Tried = {
  readonly run: DiffRun
  readonly differences: readonly ActorDifference[]
  readonly state: (address: Address) => Promise<unknown>
}

async function tried(
  world: RestoreRealm,
  view: CutView,
  change: { readonly actors?: readonly ActorKind[]; readonly events?: (came: readonly Came[]) => readonly Came[] },
): Promise<Tried> {
  const { actors = shop({ where: 'changed' }), events = (came) => came } = change
  const came = await allCame(world, view)
  const dear = invariant('nothing is dear', async (cut) => {
    for await (const { context } of cut.actors('order')) if ((context as { paid: number }).paid > 1000) return 'it is'
    return true
  })
  await using a = await openTestTrial(world, view, {
    name: 'as-it-was',
    actors: shop({ where: 'again' }),
    invariants: [dear],
  })
  await using b = await openTestTrial(world, view, { name: 'changed', actors, invariants: [dear] })
  const run = await diffRun(
    [
      { trial: a, events: came },
      { trial: b, events: events(came) },
    ],
    { until: { at: world.clock.now() } },
  )
  const differences = await Array.fromAsync(run.differences)
  const known = new Map<Address, unknown>()
  for (const address of a.timeline.touched) known.set(address, (await a.timeline.stateOf(address))?.snapshot)
  return { run, differences, state: (address) => Promise.resolve(known.get(address)) }
}

async function cutInTheMiddle(): Promise<{ world: RestoreRealm; view: CutView }> {
  const world = await openRestoreRealm(shop())
  await world.start()
  await buy(world, 'a', 'tea')
  await buy(world, 'b', 'rum', 0)
  const view = await world.take()
  await world.pass(2000)
  await buy(world, 'a', 'tea')
  await buy(world, 'a', 'jam', 0)
  await buy(world, 'c', 'oil', 4900)
  // Just before it would be closed.
  await buy(world, 'c', 'oil', 7000)
  return { world, view }
}

test('two trials with the same definitions and events never part, and end as the realm did', async () => {
  const { world, view } = await cutInTheMiddle()
  const { run, differences, state } = await tried(world, view, {})
  expect(run.parting).toBeUndefined()
  expect(differences).toEqual([])
  expect(run.ends[0]).toMatchObject({ delivered: 4, parked: 0, unanswered: {} })
  for (const key of ['a', 'b', 'c'])
    expect(await state(`order/${key}`)).toEqual((await world.state(`order/${key}`))?.snapshot)
  expect(notes().filter((one) => !String(one).startsWith('shop'))).toEqual([])
  await world[Symbol.asyncDispose]()
})

test('a changed definition parts where it first makes a difference [U2] [U3]', async () => {
  const { world, view } = await cutInTheMiddle()
  const { run, differences } = await tried(world, view, { actors: shop({ where: 'changed', tax: 1000 }) })
  const { parting } = run
  expect(parting).toMatchObject({ address: 'order/a', after: { address: 'order/a' } })
  expect(parting?.paths.map(({ path }) => path)).toEqual(['context.paid'])
  const [{ before, after } = { before: 0, after: 0 }] = parting?.paths ?? []
  expect((after as number) - (before as number)).toBe(1000)
  expect(differences.map(({ address }) => address)).toEqual(['order/a', 'order/c'])
  expect(run.ends.map(({ check }) => check.invariants.map(({ holds }) => holds))).toEqual([[true], [false]])
  await world[Symbol.asyncDispose]()
})

test('events that are left out or added part the trials at their instant', async () => {
  const { world, view } = await cutInTheMiddle()
  const left = await tried(world, view, { events: (came) => came.filter(({ address }) => address !== 'order/c') })
  expect(left.run.parting).toMatchObject({ address: 'order/c', after: { address: 'order/c' } })
  expect(left.differences).toMatchObject([
    { address: 'order/c', is: 'removed' },
    { address: 'till/main', is: 'changed', paths: [{ path: 'context.sum' }] },
  ])
  expect(left.run.ends.map(({ delivered }) => delivered)).toEqual([4, 2])
  const twice = await tried(world, view, { events: (came) => [...came, ...came.slice(-1).map(anew)] })
  expect(twice.run.parting).toMatchObject({ address: 'order/c' })
  expect(twice.run.ends[1].unanswered).toEqual({ 'order.quote': 1 })
  await world[Symbol.asyncDispose]()
})

/** As somebody writes it by hand: without the numbers of its sender. */
function anew(one: Came): Came {
  const { envelope } = one
  if (envelope === undefined) return one
  const { session: _, ...rest } = envelope
  return { ...one, envelope: { ...rest, n: 0 } }
}
