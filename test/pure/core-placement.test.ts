/** Where partitions belong: every node computes the same, and little moves. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Candidate, type Placement, placementOf } from '#runtime/core/placement.ts'

const candidates = fc.uniqueArray(
  fc.record({ name: fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/), capacity: fc.constantFrom(1, 2, 4, 8) }),
  {
    minLength: 1,
    maxLength: 9,
    selector: ({ name }) => name,
  },
)
const counts = fc.constantFrom(1, 2, 16, 64, 100)
const nodes = (count: number): Candidate[] =>
  Array.from({ length: count }, (_, at) => ({ name: `n${at}`, capacity: 1 }))
const loads = ({ owners }: Placement): Map<string, number> => {
  const found = new Map<string, number>()
  for (const name of owners) if (name !== undefined) found.set(name, (found.get(name) ?? 0) + 1)
  return found
}
const movedBetween = (a: Placement, b: Placement): number[] =>
  a.owners.flatMap((owner, partition) => (owner === b.owners[partition] ? [] : [partition]))

test('the same members give the same placement in whatever order they are known', () => {
  fc.assert(
    fc.property(candidates, counts, fc.integer({ min: 0, max: 3 }), (some, partitions, standbys) => {
      const options = { partitions, standbys }
      expect(placementOf(some.toReversed(), options)).toEqual(placementOf(some, options))
    }),
  )
})

test('every partition has one owner, and no node more than its share rounded up [SD4]', () => {
  fc.assert(
    fc.property(candidates, counts, (some, partitions) => {
      const placement = placementOf(some, { partitions, standbys: 0 })
      expect(placement.owners).toHaveLength(partitions)
      expect(placement.owners).not.toContain(undefined)
      const all = some.reduce((sum, { capacity }) => sum + capacity, 0)
      for (const { name, capacity } of some)
        expect(loads(placement).get(name) ?? 0).toBeLessThanOrEqual(Math.ceil((partitions * capacity) / all))
    }),
  )
})

test('three equal nodes differ by at most a fifth of the mean with 64 partitions [SD4]', () => {
  const shares = [...loads(placementOf(nodes(3), { partitions: 64, standbys: 1 })).values()]
  expect((Math.max(...shares) - Math.min(...shares)) / (64 / 3)).toBeLessThanOrEqual(0.2)
})

test('who stands by first is who gets the partition when its node goes', () => {
  fc.assert(
    fc.property(candidates, counts, fc.integer({ min: 1, max: 3 }), (some, partitions, standbys) => {
      const before = placementOf(some, { partitions, standbys })
      for (const { name } of some) {
        const after = placementOf(
          some.filter((one) => one.name !== name),
          { partitions, standbys },
        )
        for (const [partition, owner] of before.owners.entries())
          if (owner === name) expect(after.owners[partition]).toBe(before.standbys[partition]?.[0])
      }
    }),
    { numRuns: 60 },
  )
})

test('there are as many standbys as asked for and as there are other nodes, all different', () => {
  fc.assert(
    fc.property(candidates, counts, fc.integer({ min: 0, max: 3 }), (some, partitions, standbys) => {
      const placement = placementOf(some, { partitions, standbys })
      for (const [partition, row] of placement.standbys.entries()) {
        expect(row).toHaveLength(Math.min(standbys, some.length - 1))
        expect(new Set([placement.owners[partition], ...row]).size).toBe(row.length + 1)
      }
    }),
    { numRuns: 60 },
  )
})

test('when a node comes or goes, not much more moves than it must', () => {
  for (const count of [2, 3, 4, 6, 9]) {
    const [few, more] = [nodes(count), nodes(count + 1)].map((some) =>
      placementOf(some, { partitions: 64, standbys: 0 }),
    )
    const must = loads(more as Placement).get(`n${count}`) ?? 0
    expect(movedBetween(few as Placement, more as Placement).length).toBeLessThanOrEqual(must * 1.7)
  }
})

test('a partition goes only where it fits, and has no owner where none does', () => {
  const fits = (name: string, partition: number): boolean => partition !== 7 && (name === 'n0' || partition % 2 === 0)
  const { owners } = placementOf(nodes(3), { partitions: 16, standbys: 1, fits })
  for (const [partition, owner] of owners.entries())
    expect(owner === undefined ? partition === 7 : fits(owner, partition)).toBe(true)
  expect(owners[7]).toBeUndefined()
})

test('a node without capacity gets nothing', () => {
  const { owners } = placementOf([...nodes(2), { name: 'looker', capacity: 0 }], { partitions: 16, standbys: 1 })
  expect(owners).not.toContain('looker')
})
