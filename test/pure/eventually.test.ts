/** What must happen in time: whoever was seen in one state comes to another. */
import { expect, test } from 'vitest'
import type { Address } from '#protocol/address.ts'
import { type InvariantResult } from '#protocol/cut-check.ts'
import type { CutManifest } from '#protocol/cut.ts'
import { encodeState } from '#protocol/state.ts'
import { systemClock } from '#runtime/clock.ts'
import { type Eventual, eventually } from '#runtime/cuts/reading/eventually.ts'
import { holdAgainst } from '#runtime/cuts/reading/hold-against.ts'
import { type Invariant, invariant } from '#runtime/cuts/reading/invariant.ts'
import { keptIn } from '#runtime/cuts/reading/kept-before.ts'
import type { CutView } from '#runtime/cuts/reading/open-cut.ts'

const hourMs = 3_600_000
const is =
  (state: string): Eventual['from'] =>
  ({ value }) =>
    value === state
const paidToShipped = { kind: 'order', from: is('paid'), to: is('shipped'), withinMs: 2 * hourMs }
const shipped = eventually('what is paid is shipped', paidToShipped)

type Values = Readonly<Record<string, string>>

/** A cut that was begun at that hour. */
function viewOf(hour: number, values: Values): CutView {
  const rows = Object.entries(values).map(([address, value]) => {
    const snapshot = { status: 'active', value, context: {}, history: undefined, output: undefined, error: undefined }
    const state = { version: 1, hash: 'h', snapshot, book: {}, visits: 0, steps: 1, bornAt: 0, steppedAt: 0 } as const
    return [address as Address, encodeState(state as never), null, 0] as const
  })
  return {
    manifest: { id: `c${hour}`, realm: 'shop', begunAt: hour * hourMs, partitions: 1 } as CutManifest,
    async *states() {
      yield* rows
    },
    async *flights() {},
  } as unknown as CutView
}

/** One cut after the other, each with what was kept at those before it. */
function historyOf(rule: Invariant): (hour: number, values: Values) => Promise<InvariantResult> {
  let before: ReadonlyMap<string, unknown> = new Map()
  return async (hour, values) => {
    const world = { view: viewOf(hour, values), clock: systemClock, invariants: [rule], before }
    const [result] = (await holdAgainst(world, { checkMs: 10_000 })) as [InvariantResult]
    before = new Map([...before, ...keptIn({ invariants: [result] }, [rule])])
    return result
  }
}

test('who is paid and not shipped is pending, late only when its time is over, and well again when it is shipped [U8]', async () => {
  const look = historyOf(shipped)
  expect(await look(1, { 'order/1': 'new' })).toMatchObject({ holds: true, kept: { pending: [] } })
  expect(await look(2, { 'order/1': 'paid' })).toMatchObject({
    holds: true,
    kept: { pending: [['order/1', 2 * hourMs]] },
  })
  expect(await look(3, { 'order/1': 'paid', 'order/2': 'paid' })).toMatchObject({ holds: true })
  expect(await look(4, { 'order/1': 'paid', 'order/2': 'paid' })).toMatchObject({ holds: true })
  expect(await look(4 + 1 / hourMs, { 'order/1': 'paid', 'order/2': 'paid' })).toMatchObject({
    holds: false,
    found: ['order/1 since 1970-01-01T02:00:00.000Z, for 7200 s'],
  })
  expect(await look(9, { 'order/1': 'shipped', 'order/2': 'paid' })).toMatchObject({
    holds: false,
    found: ['order/2 since 1970-01-01T03:00:00.000Z, for 21600 s'],
  })
  expect(await look(10, { 'order/1': 'shipped', 'order/2': 'shipped' })).toMatchObject({ holds: true, found: [] })
  // Paid once more, its time begins anew.
  expect(await look(11, { 'order/1': 'paid' })).toMatchObject({ holds: true })
})

test('whoever leaves "from" for another state is pending still; one that is gone is not', async () => {
  const look = historyOf(shipped)
  await look(1, { 'order/1': 'paid', 'order/2': 'paid' })
  expect(await look(2, { 'order/1': 'held', 'order/2': 'paid' })).toMatchObject({ holds: true })
  expect(await look(4, { 'order/1': 'held' })).toMatchObject({
    holds: false,
    found: [expect.stringMatching(/^order\/1 since/)],
    kept: { pending: [['order/1', hourMs]] },
  })
  expect(await look(5, {})).toMatchObject({ holds: true, kept: { pending: [] } })
})

test('of other kinds nobody is asked, and who is in both states at once is not pending', async () => {
  const look = historyOf(shipped)
  expect((await look(1, { 'parcel/1': 'paid' })).kept).toEqual({ pending: [] })
  const both = historyOf(eventually('both', { from: () => true, to: is('paid'), withinMs: 1 }))
  expect((await both(1, { 'parcel/1': 'paid' })).kept).toEqual({ pending: [] })
})

test('where not all who are pending can be remembered the oldest are, and it is not said that it holds', async () => {
  const look = historyOf(shipped)
  const many = (count: number): Values =>
    Object.fromEntries(Array.from({ length: count }, (_, n) => [`order/m${n}`, 'paid']))
  await look(1, { 'order/old': 'paid' })
  const full = await look(2, { ...many(20_000), 'order/old': 'paid' })
  const { pending } = full.kept as { pending: [string, number][] }
  expect(pending[0]).toEqual(['order/old', hourMs])
  expect(full).toMatchObject({ holds: false, fault: undefined })
  expect(full.found).toEqual([expect.stringContaining(`${20_001 - pending.length} more are pending`)])
  expect(pending.length).toBeGreaterThan(1500)
  // Those that were remembered are late in their time, and are named behind it.
  const late = await look(4, { ...many(20_000), 'order/old': 'held' })
  expect(late.found).toEqual([expect.stringContaining('more are pending'), expect.stringMatching(/^order\/old since/)])
  // As soon as all of them fit again, all is known again.
  expect(await look(4, { ...many(10), 'order/old': 'shipped' })).toMatchObject({ holds: true })
})

test('what older code kept under that name is not taken for its own', async () => {
  for (const kept of [7, 'x', { pending: 'all' }, { pending: [['no address', 1], ['order/1', 'long ago'], 3] }]) {
    const world = { view: viewOf(9, { 'order/1': 'paid' }), clock: systemClock, invariants: [shipped] }
    const before = new Map([[shipped.name, kept]])
    const [result] = await holdAgainst({ ...world, before }, { checkMs: 10_000 })
    expect(result).toMatchObject({ holds: true, kept: { pending: [['order/1', 9 * hourMs]] } })
  }
})

test('an invariant keeps what it likes; too much of it is its fault, and what was kept before stays', async () => {
  let next: unknown = { count: 1 }
  const seen: unknown[] = []
  const look = historyOf(
    invariant('remembers', (_, signal, { before, keep }) => {
      seen.push(before)
      keep(next)
      return !signal.aborted
    }),
  )
  await look(1, {})
  next = 'x'.repeat(64 * 1024)
  expect(await look(2, {})).toMatchObject({
    holds: undefined,
    fault: { code: 'invariant.keepsTooMuch', message: expect.stringContaining('of the 65536') as string },
  })
  next = () => 'not a value'
  expect(await look(3, {})).toMatchObject({ holds: undefined, fault: { code: 'invariant.throws' } })
  next = undefined
  expect(await look(4, {})).not.toHaveProperty('kept')
  await look(5, {})
  expect(seen).toEqual([undefined, { count: 1 }, { count: 1 }, { count: 1 }, undefined])
})

test('a rule that could never be broken, or never be asked, is refused at once', () => {
  const refused = (wrong: object): unknown =>
    expect(() => eventually('x', { ...paidToShipped, ...wrong })).toThrow(
      expect.objectContaining({ code: 'invariant.incomplete' }) as Error,
    )
  for (const withinMs of [0, -1, Number.NaN, Number.POSITIVE_INFINITY, '5', undefined]) refused({ withinMs })
  refused({ from: 'paid' })
  refused({ to: undefined })
  refused({ kind: 7 })
  expect(() => eventually('x', undefined as never)).toThrow(
    expect.objectContaining({ code: 'invariant.incomplete' }) as Error,
  )
  expect(() => eventually('', paidToShipped)).toThrow(expect.objectContaining({ code: 'invariant.invalid' }) as Error)
})
