/** The archive in memory, for tests in virtual time; a `MemoryShelf` outlives the process that had it. */
import type { Archive, Shelf } from './archive.ts'
import { archiveOf } from './open-archive.ts'
import { sealerOf } from './seal.ts'

export type MemoryShelf = Record<'segments' | 'documents', Map<string, Uint8Array>>

export function openMemoryShelf(): MemoryShelf {
  return { segments: new Map(), documents: new Map() }
}

export function openMemoryArchive(kept: MemoryShelf = openMemoryShelf(), secret?: Uint8Array): Archive {
  const shelf: Shelf = {
    get: (table, name) => kept[table].get(name),
    names: (table) => [...kept[table].keys()].sort(),
    async put(table, name, bytes) {
      kept[table].set(name, Buffer.from(bytes))
    },
    async remove(table, names) {
      for (const name of names) kept[table].delete(name)
    },
    size: () => ({
      bytes: [...kept.segments.values(), ...kept.documents.values()].reduce((sum, one) => sum + one.length, 0),
      limit: Number.MAX_SAFE_INTEGER,
    }),
    close: () => Promise.resolve(),
  }
  return archiveOf(shelf, sealerOf(secret))
}
