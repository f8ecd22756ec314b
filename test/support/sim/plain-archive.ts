/** An archive whose segments are packed at once: the real one packs on another thread, which keeps no virtual time. */
import type { Archive, Shelf } from '#store/archive.ts'
import { archiveOf } from '#store/open-archive.ts'
import { hashOf, sealerOf } from '#store/seal.ts'
import type { MemoryShelf } from '#store/memory-archive.ts'

const numberBytes = 8

/** Equal rows are never stored under one name, as with the nonces of the real one. */
let sealed = 0

function numberOf(value: number): Buffer {
  const bytes = Buffer.alloc(numberBytes)
  bytes.writeDoubleBE(value)
  return bytes
}

export function openPlainArchive(kept: MemoryShelf): Archive {
  const shelf: Shelf = {
    get: (table, name) => kept[table].get(name),
    names: (table) => kept[table].keys(),
    async put(table, name, bytes) {
      kept[table].set(name, bytes)
    },
    async remove(table, names) {
      for (const name of names) kept[table].delete(name)
    },
    size: () => ({ bytes: 0, limit: 1 }),
    close: () => Promise.resolve(),
  }
  return archiveOf(shelf, {
    ...sealerOf(undefined),
    seal(plain) {
      const bytes = Buffer.concat([numberOf(sealed++), plain])
      return Promise.resolve({ id: hashOf(bytes), bytes })
    },
    open: (bytes) => Promise.resolve(bytes.subarray(numberBytes)),
    openNow: (bytes) => bytes.subarray(numberBytes),
  })
}
