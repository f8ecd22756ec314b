/**
 * A table as one walks through it from end to end. LMDB's own way makes two buffers with memory of their
 * own for each row, and collecting those costs more than reading them. It serves "a cut never stops the
 * realm". Invariants: what it gives out is to be looked at before anything else is read, because that is
 * read into the same place; nothing is written through it.
 */
import type { RootDatabase } from 'lmdb'
import type { Table } from './tables.ts'

const keys = {
  writeKey(key: Uint8Array, target: Uint8Array, start: number): number {
    target.set(key, start)
    return start + key.length
  },
  readKey: (from: Uint8Array, start: number, end: number): Uint8Array => from.subarray(start, end),
}

/** What LMDB reads into is longer than what it says of itself. */
const values = { decode: (from: Uint8Array, size: number): Uint8Array => from.subarray(0, size) }

export function walkedTable(root: RootDatabase<Buffer, Buffer>, name: string): Table {
  const table = root.openDB<Buffer, Buffer>({ name, keyEncoder: keys, encoder: values } as never)
  // Or each value would be copied before it is given to `decode`.
  return Object.assign(table, { decoderCopies: true })
}
