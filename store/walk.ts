/**
 * One walk over rows in one view, from the first to the last. It serves the clause "LMDB follows the
 * log". Invariant: it ends with a fault when the store is closed under it, where LMDB would end the process.
 */
import type { Table, View } from './tables.ts'
import type { Views } from './views.ts'

export function* rows(
  table: Table,
  range: { start: Buffer; end: Buffer },
  view: View,
  views: Views,
  withValues = true,
): Generator<{ key: Buffer; value: Buffer }> {
  const options = { ...range, transaction: view }
  const found: Iterable<{ key: Buffer; value: Buffer }> = withValues
    ? table.getRange(options)
    : table.getKeys(options).map((key) => ({ key, value: empty }))
  const iterator = found[Symbol.iterator]()
  try {
    for (;;) {
      views.check()
      const { done, value } = iterator.next()
      if (done) return
      yield value
    }
  } finally {
    iterator.return?.()
  }
}

const empty = Buffer.alloc(0)
