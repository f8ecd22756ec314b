/**
 * Chunks of entries of the log, in the order in which they were folded: one row for each fold, so
 * that holding them costs one copy. They serve the clause "LMDB follows the log" for the case that
 * the log no longer has what it is to be followed in. Invariant: a chunk is written with the fold
 * that it belongs to, in one transaction.
 */
import { heldAt } from '#protocol/held.ts'
import { sealBytes, sealed, unsealed } from './sealed.ts'
import { bytesOf, type Op, type Tables, type View } from './tables.ts'

const keyBytes = 6
/** Chunks that are forgotten in one transaction. */
const sliceRows = 500

export type RecentRows = {
  op(chunk: Uint8Array): Op
  newestFirst(view: View): Iterable<Uint8Array>
  trim(before: number, bytesMost: number): Promise<void>
}

type Write = (ops: readonly Op[]) => Promise<void>

export function recentRowsOf(tables: Tables, write: Write): RecentRows {
  const { recents: table } = tables
  const [last] = table.getKeys({ reverse: true, limit: 1 })
  let count = last === undefined ? 0 : Buffer.from(last).readUIntBE(0, keyBytes)
  let bytes = bytesOf(table)

  return {
    op(chunk) {
      const key = Buffer.allocUnsafe(keyBytes)
      key.writeUIntBE(++count, 0, keyBytes)
      bytes += chunk.length + sealBytes
      return { table, key, value: sealed(key, chunk) }
    },
    *newestFirst(view) {
      for (const { key, value } of table.getRange({ reverse: true, transaction: view }))
        yield unsealed(key, value, 'what is held of the log')
    },
    async trim(before, bytesMost) {
      for (;;) {
        const ops: Op[] = []
        for (const { key, value } of table.getRange({ limit: sliceRows })) {
          if (bytes <= bytesMost && heldAt(value.subarray(sealBytes)) >= before) break
          bytes -= value.length
          ops.push({ table, key: Buffer.from(key), value: undefined })
        }
        if (ops.length > 0) await write(ops)
        if (ops.length < sliceRows) return
      }
    },
  }
}
