/** What two cuts differ in: which actors, and where in their states. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Address } from '#protocol/address.ts'
import { systemClock } from '#runtime/clock.ts'
import { readingOf, storedSource } from '#runtime/cuts/reading/cut-source.ts'
import { diffCuts } from '#runtime/cuts/reading/diff-cuts.ts'
import { type CutView, openCut } from '#runtime/cuts/reading/open-cut.ts'
import { changesBetween } from '#runtime/cuts/reading/value-paths.ts'
import { openMemoryLog } from '#runtime/memory/memory-bus.ts'
import { openMemoryArchive } from '#store/memory-archive.ts'
import { keepCut, type Maker, makerOf } from '#test/support/hand-made-cuts.ts'

type Contexts = Readonly<Record<string, unknown>>

function openMaker(partitions: number): Maker {
  return makerOf(openMemoryLog({ realm: 'shop', partitions, clock: systemClock }).connect(), openMemoryArchive())
}

async function cutOf(maker: Maker, id: string, actors: Contexts, base?: string): Promise<CutView> {
  const below = base === undefined ? {} : { base: await maker.shelf.manifest(base) }
  await keepCut(maker, { id, actors, rowsMost: 2, ...below })
  return await openCut(maker, id)
}

const told = (a: CutView, b: CutView, options?: Parameters<typeof diffCuts>[2]) =>
  Array.fromAsync(diffCuts(a, b, options), ({ address, is, paths }) => [
    is,
    address,
    paths.map(({ path }) => path).join(),
  ])

const first = { 'order/1': { n: 1, of: { a: 1 } }, 'order/2': { n: 2 }, 'user/1': { name: 'ann' }, 'user/2': {} }
const second = { 'order/1': { n: 1, of: { a: 2, b: 1 } }, 'user/1': { name: 'ann' }, 'user/2': {}, 'user/3': {} }

test('actors that came, went and changed are named, with the paths in which they did', async () => {
  const maker = openMaker(1)
  const [a, b] = [await cutOf(maker, 'a', first), await cutOf(maker, 'b', second)]
  expect(await told(a, b)).toEqual([
    ['changed', 'order/1', 'context.of.a,context.of.b'],
    ['removed', 'order/2', ''],
    ['added', 'user/3', ''],
  ])
  expect(await told(a, a)).toEqual([])
  expect(await told(a, b, { kind: 'user' })).toEqual([['added', 'user/3', '']])
  expect(await told(a, b, { address: 'order/1' })).toEqual([['changed', 'order/1', 'context.of.a,context.of.b']])
  expect(await told(a, b, { address: 'order/9' })).toEqual([])
})

test('it is the same however the cuts are layered, and into how many partitions they fall', async () => {
  const values = fc.dictionary(
    fc.constantFrom(...Array.from({ length: 9 }, (_, at) => `order/${at}`)),
    fc.record({ n: fc.nat(2) }),
  )
  await fc.assert(
    fc.asyncProperty(values, values, fc.constantFrom(1, 3), fc.constantFrom(1, 2), async (one, other, here, there) => {
      const [left, right] = [openMaker(here), openMaker(there)]
      const a = await cutOf(left, 'a', one)
      const gone = Object.fromEntries(Object.keys(one).map((address) => [address, null]))
      const changes = { ...gone, ...other }
      const b = await (here === there ? cutOf(left, 'b', changes, 'a') : cutOf(right, 'b', other))
      const expected = [...new Set([...Object.keys(one), ...Object.keys(other)])].toSorted().flatMap((address) => {
        const [was, is] = [one[address], other[address]]
        if (was?.n === is?.n) return []
        return [`${was === undefined ? 'added' : is === undefined ? 'removed' : 'changed'} ${address}`]
      })
      const found = (await told(a, b)).map(([is, address]) => `${is} ${address}`)
      expect(here === there && here > 1 ? found.toSorted(byAddress) : found).toEqual(expected)
      const back = (await told(b, a)).map(([is, address]) => `${is} ${address}`)
      expect(back.map(mirrored).toSorted(byAddress)).toEqual(expected.toSorted(byAddress))
    }),
    { numRuns: 40 },
  )
})

const mirrored = (said: string): string =>
  said.startsWith('added') ? said.replace('added', 'removed') : said.replace('removed', 'added')

const byAddress = (a: string, b: string): number => ((a.split(' ')[1] ?? '') < (b.split(' ')[1] ?? '') ? -1 : 1)

const forty = Object.fromEntries(Array.from({ length: 40 }, (_, at) => [`order/${at}`, { at }]))

function countingReads({ bus, archive }: Maker) {
  const reads: string[] = []
  const source = storedSource(bus.cuts)
  const counting = {
    ...source,
    segment: (id: string) => {
      reads.push(id)
      return source.segment(id)
    },
  }
  return { reads, world: { shelf: readingOf(counting, archive, 'shop'), archive } }
}

test('what two cuts share is not read', async () => {
  const maker = openMaker(4)
  await cutOf(maker, 'a', forty)
  await cutOf(maker, 'b', { 'order/7': { at: 8 } }, 'a')
  const { reads, world } = countingReads(maker)
  const [a, b] = [await openCut(world, 'a'), await openCut(world, 'b')]
  expect(await told(a, b)).toEqual([['changed', 'order/7', 'context.at']])
  // What it adds, and the one segment below in which that actor stands.
  expect(reads).toHaveLength(2)
})

test('whoever asks for actors in the order in which they lie there opens each segment once', async () => {
  const maker = openMaker(1)
  await cutOf(maker, 'a', forty)
  await cutOf(maker, 'b', { 'order/7': { at: 8 } }, 'a')
  const { reads, world } = countingReads(maker)
  const view = await openCut(world, 'b')
  for (const address of Object.keys(forty).toSorted()) expect(await view.state(address as Address)).toBeDefined()
  expect(reads).toHaveLength(21)
  expect(new Set(reads).size).toBe(21)
})

test('paths are counted to the end, and only so many are kept', () => {
  const before = { list: [1, 2, 3], map: new Map([[1, 2]]), same: new Date(5), big: 1n }
  const after = { list: [1, 9], map: new Map([[1, 3]]), same: new Date(5), big: 2n }
  expect(changesBetween(before, after, 2)).toEqual({
    changes: [
      { path: 'list.1', before: 2, after: 9 },
      { path: 'list.2', before: 3, after: undefined },
    ],
    count: 4,
  })
  expect(changesBetween(before, { ...before }, 9).count).toBe(0)
})
