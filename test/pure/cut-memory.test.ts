/** What an invariant keeps for the next cut: in its note, in a look from outside, in a trial. */
import { afterEach, expect, test } from 'vitest'
import { setup } from 'xstate'
import { actor } from '#protocol/actor.ts'
import { type CutCheck, decodeCutCheck, encodeCutCheck, type InvariantResult } from '#protocol/cut-check.ts'
import type { CutNote } from '#protocol/cut.ts'
import { realmHandleOf } from '#runtime/client/realm-handle.ts'
import { systemClock } from '#runtime/clock.ts'
import { cutShelfOf } from '#runtime/cuts/reading/cut-shelf.ts'
import { type Eventual, eventually } from '#runtime/cuts/reading/eventually.ts'
import { type Invariant, invariant } from '#runtime/cuts/reading/invariant.ts'
import { keptBefore } from '#runtime/cuts/reading/kept-before.ts'
import type { CutView } from '#runtime/cuts/reading/open-cut.ts'
import { cutChecksOf, keepCheck, readCheck } from '#runtime/cuts/taking/cut-checks.ts'
import { openMemoryLog } from '#runtime/memory/memory-bus.ts'
import { onTrace } from '#runtime/trace.ts'
import { openMemoryArchive } from '#store/memory-archive.ts'
import { withoutKept } from '#bin/cuts/check-text.ts'
import { realmOptions } from '#test/support/engine.ts'
import { openRestoreRealm, type RestoreRealm } from '#test/support/restore-world.ts'
import { openTestTrial } from '#test/support/trial-world.ts'

const hourMs = 3_600_000
const is =
  (state: string): Eventual['from'] =>
  ({ value }) =>
    value === state
const shipped = eventually('what is paid is shipped', {
  ...{ kind: 'order', from: is('paid'), to: is('shipped') },
  withinMs: 2 * hourMs,
})

const resultOf = (name: string, kept?: unknown): InvariantResult => ({
  ...{ name, holds: true, found: [], fault: undefined, ms: 1 },
  ...(kept === undefined ? {} : { kept }),
})

const checkOf = (cut: string, invariants: readonly InvariantResult[]): CutCheck => ({
  ...{ cut, at: 1, node: 'n', ms: 2, deadlocks: [], orphans: [], counts: { deadlocks: 0, orphans: 0 } },
  invariants,
})

/** Cuts that are only notes. */
function openNotes() {
  const bus = openMemoryLog({ realm: 'shop', partitions: 4, clock: systemClock }).connect()
  const shelf = cutShelfOf({ bus, archive: openMemoryArchive() })
  return {
    async add(begunAt: number, results: readonly InvariantResult[] | undefined, generation = 1) {
      const id = `g${generation}-${begunAt}`
      const note: CutNote = {
        ...{ id, name: undefined, state: 'whole', begunAt, at: begunAt, node: 'n', generation, actors: 0 },
        ...{ inFlight: 0, added: 0, bytes: 0, reason: undefined, by: 'test', deadline: begunAt },
      }
      await shelf.setNote(note)
      if (results !== undefined) await keepCheck({ bus, shelf }, checkOf(id, results))
      return id
    },
    keep: (check: CutCheck) => keepCheck({ bus, shelf }, check),
    read: (id: string) => readCheck(bus, id),
    before: async (begunAt: number, ...names: readonly string[]) =>
      Object.fromEntries(
        await keptBefore(
          { shelf, checked: (id) => readCheck(bus, id) },
          { begunAt, generation: 1 },
          names.map((name) => invariant(name, () => true)),
        ),
      ),
  }
}

test('before a cut stands what was kept at the newest earlier one of its generation that was looked at with it', async () => {
  const notes = openNotes()
  const fault = { code: 'invariant.late', message: 'no' }
  await notes.add(10, [resultOf('a', 'a10'), resultOf('b', 'b10')])
  await notes.add(20, [resultOf('a', 'a20')])
  await notes.add(25, [resultOf('a', 'of another generation')], 0)
  await notes.add(30, undefined)
  await notes.add(40, [{ ...resultOf('a'), holds: undefined, fault }, resultOf('b')])
  await notes.add(50, [resultOf('a', 'a50')])
  expect(await notes.before(40, 'a', 'b', 'c')).toEqual({ a: 'a20', b: 'b10' })
  expect(await notes.before(20, 'a')).toEqual({ a: 'a10' })
  expect(await notes.before(10, 'a')).toEqual({})
  expect(await notes.before(50, 'a', 'b')).toEqual({ a: 'a20', b: undefined })
  expect(await notes.before(60, 'a')).toEqual({ a: 'a50' })
})

test('what a node keeps stays when another adds its own; together they keep no more than a note can hold', async () => {
  const notes = openNotes()
  const id = await notes.add(10, [resultOf('mine', { n: 1 })])
  await notes.keep(checkOf(id, [resultOf('other', { n: 2 })]))
  expect((await notes.read(id))?.invariants).toEqual([resultOf('mine', { n: 1 }), resultOf('other', { n: 2 })])
  const large = 'x'.repeat(60_000)
  await notes.keep(
    checkOf(
      id,
      Array.from({ length: 10 }, (_, n) => resultOf(`large ${n}`, large)),
    ),
  )
  const { invariants = [] } = (await notes.read(id)) ?? {}
  expect(invariants.map(({ fault }) => fault?.code)).toEqual([
    ...Array.from({ length: 10 }, () => undefined),
    ...['invariant.keepsTooMuch', 'invariant.keepsTooMuch'],
  ])
})

test('of what was found a list shows all but what is kept', () => {
  const check = checkOf('x', [resultOf('a', 7), resultOf('b')])
  expect(withoutKept(check)).toStrictEqual(checkOf('x', [resultOf('a'), resultOf('b')]))
})

test('what is kept reads again as it was written, also what holds one thing twice', () => {
  const twice = { at: new Date(7) }
  const check = checkOf('x', [resultOf('a', { one: twice, other: twice, all: new Map([[1, 2n]]) }), resultOf('b')])
  expect(decodeCutCheck(encodeCutCheck(check))).toEqual(check)
})

const order = actor(
  'order',
  setup({}).createMachine({
    initial: 'new',
    states: {
      new: { on: { PAY: 'paid' } },
      paid: { on: { SHIP: 'shipped', HOLD: 'held' }, after: { [3 * hourMs]: 'held' } },
      held: { on: { SHIP: 'shipped' } },
      shipped: {},
    },
  }),
  { version: 1 },
)

const open: AsyncDisposable[] = []
afterEach(async () => {
  for (const one of open.splice(0).toReversed()) await one[Symbol.asyncDispose]()
})

async function openShop(invariants: readonly Invariant[]): Promise<RestoreRealm> {
  const world = await openRestoreRealm([order])
  open.push(world)
  await world.start({ invariants })
  return world
}

/** Takes a cut and waits until so many have looked at it. */
async function taken(world: RestoreRealm, looks = 1): Promise<CutView> {
  const looked = Promise.withResolvers<void>()
  let count = 0
  using _ = onTraceOnce(() => ++count === looks && looked.resolve())
  const view = await world.take(`at ${world.clock.now()}`)
  await looked.promise
  return view
}

function onTraceOnce(checked: () => unknown): Disposable {
  const hearing = onTrace((event) => void (event.is === 'cut.checked' && checked()))
  return { [Symbol.dispose]: () => hearing.stop() }
}

const send = async (world: RestoreRealm, key: string, type: string): Promise<void> => {
  await world.realm.send(`order/${key}`, { type })
  await world.settle()
}

test('each cut that a realm takes goes on from the one before it, and one that is looked at late from what was before that [U8]', async () => {
  const world = await openShop([shipped])
  const { log, archive, clock } = world
  const realm = realmHandleOf({ bus: log.connect(), clock, archive }, realmOptions)
  const other = cutChecksOf(
    { bus: log.connect(), archive, clock, invariants: [invariant('nobody else', () => true)] },
    { name: 'b', checkMs: 10_000 },
  )
  open.push(realm, { [Symbol.asyncDispose]: () => other.stop() })
  const holds = async (view: CutView): Promise<unknown> =>
    (await realm.cuts.checked(view.manifest.id))?.invariants.find(({ name }) => name === shipped.name)?.holds
  await send(world, '1', 'PAY')
  const first = await taken(world, 2)
  await world.pass(hourMs)
  await send(world, '1', 'HOLD')
  const second = await taken(world, 2)
  await world.pass(2 * hourMs)
  const third = await taken(world, 2)
  await send(world, '1', 'SHIP')
  const last = await taken(world, 2)
  expect([await holds(first), await holds(second), await holds(third), await holds(last)]).toEqual([
    true,
    true,
    false,
    true,
  ])
  // Looked at once more, each goes on from what was before it.
  const again = async (view: CutView): Promise<unknown> =>
    (await realm.cuts.check(view.manifest.id, { invariants: [shipped] })).invariants[0]
  expect(await again(second)).toMatchObject({ holds: true, kept: { pending: [['order/1', first.manifest.begunAt]] } })
  expect(await again(third)).toMatchObject({ holds: false, found: [expect.stringContaining('for 10800 s')] })
  expect(await again(last)).toMatchObject({ holds: true, kept: { pending: [] } })
})

test('a trial goes on from what its cut showed, whether a node had looked or not [U8]', async () => {
  const world = await openShop([shipped])
  await send(world, '1', 'PAY')
  const first = await taken(world)
  await world.pass(hourMs)
  const view = await taken(world)
  const { id, begunAt } = view.manifest
  const ended = async (checked?: () => Promise<CutCheck | undefined>): Promise<InvariantResult | undefined> => {
    await using trial = await openTestTrial(world, view, {
      name: 'what-if',
      actors: [order],
      invariants: [shipped],
      checked,
    })
    await trial.moveTo(begunAt + 2 * hourMs)
    expect((await trial.check()).invariants[0]?.holds).toBe(checked === undefined)
    await trial.moveTo(begunAt + 2 * hourMs + 1)
    return (await trial.check()).invariants[0]
  }
  const alone = await ended()
  expect(alone).toMatchObject({ holds: false, kept: { pending: [['order/1', begunAt]] } })
  const known = await ended(() => readCheck(world.log.connect(), id))
  expect(known).toMatchObject({ holds: false, kept: { pending: [['order/1', first.manifest.begunAt]] } })
})
