/** Which version serves where: every node computes the same, a share is exact and only grows. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Heartbeat } from '#protocol/heartbeat.ts'
import { decodeKindEntry, type Definition, encodeKindEntry, type KindEntry } from '#runtime/core/kind-entry.ts'
import { placementOf } from '#runtime/core/placement.ts'
import { carriersOf, movedOf, requirementsOf } from '#runtime/core/requirements.ts'
import { advanced, broughtBack, raisedBy, undone, wayBack, withDefinition } from '#runtime/core/rollout.ts'
import { encode } from '#protocol/codec.ts'
import type { Shape, StateShape } from '#runtime/core/shape.ts'

const author = { by: 'ann', at: 1 }
const partitions = 64

const state = (states: Readonly<Record<string, StateShape>> = {}): StateShape => ({
  id: 'm',
  type: Object.keys(states).length === 0 ? 'atomic' : 'compound',
  initial: Object.keys(states)[0],
  history: undefined,
  entry: [],
  exit: [],
  on: {},
  after: {},
  invoke: [],
  tags: [],
  states,
})
const shape = (...names: string[]): Shape => ({
  is: 'machine',
  id: 'm',
  root: state(Object.fromEntries(names.map((name) => [name, { ...state(), id: `m.${name}` }]))),
  actors: {},
  delays: {},
})
const definition = (version: number, more: Partial<Definition> = {}): Definition => ({
  version,
  hash: `h${version}`,
  shape: shape('open'),
  since: 0,
  by: 'a',
  ups: [],
  downs: [],
  ...more,
})
const entryOf = (...definitions: readonly Definition[]): KindEntry =>
  definitions.reduce<KindEntry | undefined>(
    (entry, one) => withDefinition(entry, { kind: 'order', definition: one, share: 'auto' }),
    undefined,
  ) as KindEntry

type Some = Pick<Heartbeat, 'name' | 'phase' | 'capacity' | 'kinds' | 'owned'>
const node = (name: string, kinds: Readonly<Record<string, number>>, capacity = 1): Some => ({
  name,
  phase: 'ready',
  capacity,
  kinds: Object.entries(kinds).map(([kind, version]) => [kind, version, '']),
  owned: [],
})

test('a share is the nearest number of partitions, one at least, and a larger one holds every smaller one', () => {
  fc.assert(
    fc.property(
      fc.stringMatching(/^[a-z]{1,8}$/),
      fc.integer({ min: 1, max: 256 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (kind, count, one, other) => {
        const [less, more] = [Math.min(one, other), Math.max(one, other)].map((share) => movedOf(kind, share, count))
        expect(more?.size).toBe(Math.max(one, other) === 0 ? 0 : Math.max(1, Math.round(Math.max(one, other) * count)))
        for (const partition of less ?? []) expect(more?.has(partition)).toBe(true)
      },
    ),
  )
})

const kindNames = ['order', 'stock', 'lamp']
const anyNode = fc
  .record({
    name: fc.stringMatching(/^[a-f]{1,2}$/),
    kinds: fc.uniqueArray(fc.tuple(fc.constantFrom(...kindNames), fc.integer({ min: 1, max: 3 })), {
      selector: ([kind]) => kind,
    }),
    capacity: fc.integer({ min: 0, max: 3 }),
    owned: fc.uniqueArray(fc.integer({ min: 0, max: partitions - 1 }), { maxLength: 8 }),
  })
  .map(({ name, kinds, capacity, owned }) => ({
    ...node(name, Object.fromEntries(kinds), capacity),
    owned: owned.map((partition) => [partition, 1, 0, 0] as const),
  }))
const anyEntry = fc
  .record({
    kind: fc.constantFrom(...kindNames),
    from: fc.integer({ min: 1, max: 2 }),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
    state: fc.constantFrom('auto' as const, 'stated' as const, 'undoing' as const, 'held' as const),
    needed: fc.uniqueArray(fc.integer({ min: 0, max: partitions - 1 }), { maxLength: 8 }),
    downs: fc.boolean(),
  })
  .map(({ kind, from, share, state: now, needed, downs }): KindEntry => ({
    kind,
    definitions: [definition(from), definition(from + 1, { ups: [from], downs: downs ? [from] : [] })],
    rollout: { from, to: from + 1, share, state: now, back: [], history: [] },
    needed,
  }))
const nodesArbitrary = fc.uniqueArray(anyNode, { selector: ({ name }) => name, minLength: 1, maxLength: 6 })
const entriesArbitrary = fc.uniqueArray(anyEntry, { selector: ({ kind }) => kind, maxLength: 3 })

test('every node computes the same owners, in whatever order it heard of the others and read the registry', () => {
  fc.assert(
    fc.property(nodesArbitrary, entriesArbitrary, fc.infiniteStream(fc.nat()), (nodes, entries, order) => {
      const shuffled = <T>(all: readonly T[]): T[] =>
        all
          .map((one) => ({ one, at: order.next().value as number }))
          .sort((a, b) => a.at - b.at)
          .map(({ one }) => one)
      const owners = (some: readonly Some[], known: readonly KindEntry[]) => {
        const { fits } = requirementsOf(known, some, partitions)
        return placementOf(some, { partitions, standbys: 1, fits })
      }
      const read = entries.map((entry) => decodeKindEntry(entry.kind, encodeKindEntry(entry)))
      expect(owners(shuffled(nodes), shuffled(read))).toEqual(owners(nodes, entries))
    }),
  )
})

test('no partition serves two versions by turns, and none has an owner that lacks what it needs', () => {
  fc.assert(
    fc.property(nodesArbitrary, entriesArbitrary, (nodes, entries) => {
      const { fits, reason } = requirementsOf(entries, nodes, partitions)
      const placed = placementOf(nodes, { partitions, standbys: 0, fits })
      for (const [partition, owner] of placed.owners.entries()) {
        expect(owner === undefined).toBe(reason(partition) !== undefined)
        const kinds = new Map(nodes.find(({ name }) => name === owner)?.kinds.map(([kind, one]) => [kind, one]))
        for (const { kind, rollout, needed } of entries) {
          if (owner === undefined || rollout === undefined) continue
          if (needed.includes(partition)) expect(kinds.has(kind)).toBe(true)
          const isMoved = movedOf(kind, rollout.share, partitions).has(partition)
          if (kinds.has(kind) && !isMoved) expect(kinds.get(kind)).toBe(rollout.from)
        }
      }
    }),
  )
})

test('whoever comes and goes, the share never falls by itself, and what is held stays', () => {
  fc.assert(
    fc.property(anyEntry, fc.array(nodesArbitrary, { maxLength: 6 }), (entry, views) => {
      let now = entry
      for (const nodes of views) {
        const next = raisedBy(now, carriersOf(entry.kind, nodes), author) ?? now
        const [before, after] = [now.rollout, next.rollout]
        if (before?.state === 'held' || before?.state === 'undoing') expect(next).toBe(now)
        if (before?.to === after?.to) expect(after?.share).toBeGreaterThanOrEqual(before?.share ?? 0)
        now = next
      }
    }),
  )
})

test('the last carrier of the old version gone, everything goes forward, and further when the new one is gone too', () => {
  const entry = entryOf(definition(1), definition(2), definition(3))
  const forward = raisedBy(entry, new Map([[3, 1]]), author)
  expect(forward?.rollout).toMatchObject({ from: 1, to: 3, share: 0 })
  expect(raisedBy(forward as KindEntry, new Map([[3, 1]]), author)?.rollout).toMatchObject({ to: 3, share: 1 })
})

test('a version that comes while another is on its way waits until that is everywhere', () => {
  const entry = advanced(entryOf(definition(1), definition(2), definition(3)), 0.5, author)
  const carriers = new Map([
    [1, 1],
    [2, 1],
    [3, 1],
  ])
  expect(entry.rollout).toMatchObject({ from: 1, to: 2 })
  expect(raisedBy(entry, carriers, author)).toBeUndefined()
  expect(raisedBy(advanced(entry, 1, author), carriers, author)?.rollout).toMatchObject({ from: 2, to: 3, share: 0 })
})

test('a rollout is undone as it is where the shapes fit both ways and nothing is migrated, else step by step, else not at all', () => {
  const one = definition(1)
  expect(wayBack(entryOf(one, definition(2)), 1, 2)).toEqual({ is: 'as they are' })
  expect(wayBack(entryOf(one, definition(2, { ups: [1], downs: [1] })), 1, 2)).toEqual({ is: 'down' })
  expect(wayBack(entryOf(one, definition(2, { ups: [1] })), 1, 2)).toMatchObject({ is: 'none' })
  const wider = entryOf(one, definition(2, { shape: shape('open', 'packed') }))
  expect(wayBack(wider, 1, 2)).toMatchObject({ problems: [expect.any(String), expect.stringContaining('packed')] })
  expect(() => undone(advanced(wider, 0.5, author), author)).toThrow(/packed/)
  // Nothing was moved yet, so nothing has to come back.
  expect(undone(wider, author).rollout).toMatchObject({ state: 'held', share: 0 })
})

test('a rollout with steps down is held when the last of its partitions is back', () => {
  let entry = undone(advanced(entryOf(definition(1), definition(2, { ups: [1], downs: [1] })), 0.05, author), author)
  const moved = movedOf('order', 0.05, partitions)
  expect(moved.size).toBe(3)
  for (const [at, partition] of [...moved].entries()) {
    expect(entry.rollout).toMatchObject({ state: 'undoing', share: 0.05 })
    expect(entry.rollout?.back.length).toBe(at)
    entry = broughtBack(entry, partition, moved, author)
  }
  expect(entry.rollout).toMatchObject({ state: 'held', share: 0, back: [] })
})

test('an entry of an earlier release is one version that serves everywhere, and that release reads ours', () => {
  const old = decodeKindEntry('order', encode([2, 'h2', shape('open')]))
  expect(old).toMatchObject({ rollout: undefined, needed: [], definitions: [{ version: 2, hash: 'h2' }] })
  const entry = entryOf(definition(1), definition(2))
  expect(decodeKindEntry('order', encodeKindEntry(entry))).toEqual(entry)
})
