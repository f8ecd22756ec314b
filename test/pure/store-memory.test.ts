import { expect, test } from 'vitest'
import { openMemoryDisk, openMemoryStore } from '#store/memory-store.ts'
import { describeStore } from '#test/support/store-contract.ts'
import { addressesIn, full, identity, positionOf, stateOf } from '#test/support/store-samples.ts'

describeStore('the store in memory', async () => {
  const disk = openMemoryDisk()
  return {
    open: async (asked) => openMemoryStore({ identity: asked, disk }),
    crash: async () => disk.crash(),
    remove: async () => undefined,
  }
})

test('a store whose disk crashed folds nothing more, even what was on its way', async () => {
  const disk = openMemoryDisk()
  const [a] = addressesIn(1, 1) as ['order/1']
  const settling = Promise.withResolvers<void>()
  const store = openMemoryStore({ identity, disk, settle: () => settling.promise })
  const late = store.fold([{ partition: positionOf(1, 1), changes: [full(a, 1)], history: [] }])
  disk.crash()
  const next = openMemoryStore({ identity, disk })
  settling.resolve()
  await expect(late).rejects.toMatchObject({ code: 'store.closed' })
  expect(next.read(a)).toBeUndefined()
  await next.fold([{ partition: positionOf(1, 1), changes: [full(a, 2)], history: [] }])
  expect(next.read(a)).toEqual(stateOf(2))
})
