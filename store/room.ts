/**
 * The limit of the store's size. It serves the clause "LMDB follows the log". LMDB itself would
 * grow past any size it is given; this says `store.full` before a transaction is begun.
 */
import { Fault } from '#protocol/fault.ts'
import { type Op, pageBytes, pageHeaderBytes, type Tables } from './tables.ts'

/** A large value has pages of its own; a small one costs its key and some pointers besides. */
function bytesOf({ key, value }: Op): number {
  if (value === undefined) return 0
  if (value.length > pageBytes / 2 - key.length - 64)
    return key.length + Math.ceil((value.length + pageHeaderBytes) / pageBytes) * pageBytes
  return key.length + value.length + 48
}

export function openRoom(tables: Tables, dir: string, limit: number): { write(ops: readonly Op[]): Promise<void> } {
  let used = tables.used()
  let since = 0
  return {
    write(ops) {
      let bytes = 0
      let removals = 0
      for (const op of ops) {
        bytes += bytesOf(op)
        if (op.value === undefined) removals++
      }
      if (used + since + bytes > limit) {
        // Most of what was written since replaced something.
        used = tables.used()
        since = 0
        // What removes more rows than it writes is the way out.
        if (removals * 2 < ops.length && used + bytes > limit)
          return Promise.reject(new Fault('store.full', { value: dir, limit }))
      }
      since += bytes
      return tables.write(ops)
    },
  }
}
