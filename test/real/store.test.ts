import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openLmdbStore } from '#store/lmdb-store.ts'
import type { Store } from '#store/store.ts'
import { describeStore } from '#test/support/store-contract.ts'

describeStore('the store on disk', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'perdure-store-'))
  let store: Store | undefined
  return {
    open: async (identity) => (store = await openLmdbStore({ dir, identity, mapBytes: 64 * 2 ** 20 })),
    // Inside one process the nearest thing; `store-crash.test.ts` kills a real one.
    crash: async () => store?.close(),
    remove: async () => {
      await store?.close()
      await rm(dir, { recursive: true, force: true })
    },
  }
})
