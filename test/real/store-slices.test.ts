/** Slices of both stores: one instant, whatever is folded meanwhile; what changed since a cut; and no view that outlives its use. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { bundleRows } from '#protocol/bundle.ts'
import { decode } from '#protocol/codec.ts'
import { openLmdbStore } from '#store/lmdb-store.ts'
import { openMemoryStore } from '#store/memory-store.ts'
import type { FoldedChange, Slice, Store } from '#store/store.ts'
import { rowsOfSlice } from '#test/support/slice-rows.ts'
import { addressesIn, full, identity, positionOf } from '#test/support/store-samples.ts'

const partition = 1
const actors = addressesIn(partition, bundleRows + 100)

async function onDisk(body: (store: Store) => Promise<void>): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'perdure-slices-'))
  try {
    const store = await openLmdbStore({ dir, identity, mapBytes: 2 ** 28 })
    await body(store)
    await store.close()
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

const fold = (store: Store, n: number, changes: readonly FoldedChange[], cut?: string): Promise<void> =>
  store.fold(
    [
      {
        partition: positionOf(partition, n),
        clients: new Map(),
        changes,
        history: [],
        ...(cut === undefined ? {} : { cut }),
      },
    ],
    undefined,
  )

async function stepsIn(slice: Slice, since?: string): Promise<Map<string, number | undefined>> {
  const found = new Map<string, number | undefined>()
  for await (const portion of rowsOfSlice(slice, since))
    for (const { address, state } of portion)
      found.set(address, state === undefined ? undefined : ((decode(state) as unknown[])[7] as number))
  return found
}

describe.each([
  ['on disk', onDisk],
  ['in memory', async (body: (store: Store) => Promise<void>) => body(openMemoryStore({ identity }))],
] as const)('%s', (_, within) => {
  test('a slice shows the instant at which it was opened, while folds go on', () =>
    within(async (store) => {
      await fold(
        store,
        1,
        actors.map((address) => full(address, 1)),
      )
      const slice = store.slice(partition)
      const reading = slice.bundles()[Symbol.asyncIterator]()
      await reading.next()
      await fold(
        store,
        2,
        actors.map((address) => full(address, 2)),
      )
      slice.close()
      const later = store.slice(partition)
      expect(new Set((await stepsIn(later)).values())).toEqual(new Set([2]))
      const again = store.slice(partition)
      await fold(
        store,
        3,
        actors.map((address) => full(address, 3)),
      )
      const seen = await stepsIn(again)
      expect([seen.size, new Set(seen.values())]).toEqual([actors.length, new Set([2])])
      expect(again.position.n).toBe(2)
      later.close()
      again.close()
    }))

  test('since a cut it shows what changed behind it, once, and who is gone', () =>
    within(async (store) => {
      const [one = 'order/1', two = 'order/2', three = 'order/3'] = actors
      await fold(
        store,
        1,
        actors.map((address) => full(address, 1)),
      )
      await fold(store, 2, [], 'first')
      await fold(store, 3, [full(one, 2), full(two, 2)])
      await fold(store, 4, [full(one, 3), { address: three, is: 'gone' }], 'second')
      await fold(store, 5, [full(two, 3)])
      const slice = store.slice(partition)
      expect(slice.cuts).toEqual(['first', 'second'])
      expect([...(await stepsIn(slice, 'second'))]).toEqual([[two, 3]])
      expect(await stepsIn(slice, 'first')).toEqual(
        new Map([
          [one, 3],
          [two, 3],
          [three, undefined],
        ]),
      )
      // Of a cut that it does not know, it says everything.
      expect((await stepsIn(slice, 'another')).size).toBe(actors.length - 1)
      slice.close()
    }))
})

test('a view that is closed while it is read ends the reading with a fault, and not the process', () =>
  onDisk(async (store) => {
    await fold(
      store,
      1,
      addressesIn(partition, 2 * bundleRows + 1).map((address) => full(address, 1)),
    )
    const slice = store.slice(partition)
    const reading = slice.bundles()[Symbol.asyncIterator]()
    await reading.next()
    slice.close()
    await expect(
      (async () => {
        for (;;) if ((await reading.next()).done === true) return
      })(),
    ).rejects.toMatchObject({ code: 'store.closed' })
    expect(() => slice.read(actors[0] ?? 'order/1')).toThrow(expect.objectContaining({ code: 'store.closed' }))
    expect(store.read(actors[0] ?? 'order/1')).toBeDefined()
  }))

test('what a view pinned is used again once it is closed', () =>
  onDisk(async (store) => {
    let n = 0
    const foldAll = async (times: number): Promise<void> => {
      for (let time = 0; time < times; time++)
        await fold(
          store,
          ++n,
          actors.map((address) => full(address, n)),
        )
    }
    await foldAll(3)
    const before = store.size().file
    const slice = store.slice(partition)
    await foldAll(20)
    expect(store.size().file).toBeGreaterThan(before * 2)
    slice.close()
    await foldAll(2)
    const grown = store.size().file
    await foldAll(20)
    expect(store.size().file).toBeLessThan(grown * 1.1)
  }))
