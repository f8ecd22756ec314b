/**
 * The limit of the store's size. It serves the clause "LMDB follows the log". LMDB itself would
 * grow past any size it is given; this says `store.full` before a transaction is begun.
 */
import { Fault } from '#protocol/fault.ts'
import type { Op, Tables } from './tables.ts'

/** Keys, pointers and page halves that a row costs besides its value; a careful guess. */
const rowOverheadBytes = 48

export function openRoom(tables: Tables, dir: string, limit: number): { write(ops: readonly Op[]): Promise<void> } {
  let used = tables.used()
  let since = 0
  return {
    write(ops) {
      let bytes = 0
      for (const { key, value } of ops) if (value !== undefined) bytes += value.length + key.length + rowOverheadBytes
      if (used + since + bytes > limit) {
        // Most of what was written since replaced something.
        used = tables.used()
        since = 0
        if (bytes > 0 && used + bytes > limit) return Promise.reject(new Fault('store.full', { value: dir, limit }))
      }
      since += bytes
      return tables.write(ops)
    },
  }
}
