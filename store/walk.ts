/**
 * One walk over rows in one view, from the first to the last. It serves the clause "LMDB follows the
 * log". Invariant: it ends with a fault when the store is closed under it, where LMDB would end the process.
 */
import type { Table, View } from './tables.ts'
import type { Views } from './views.ts'

/** Not a generator: of very many rows, what that costs for each would be a good part of it all. */
export type Walk = IterableIterator<{ key: Buffer; value: Buffer }> & { return(): IteratorReturnResult<undefined> }

export function rows(
  table: Table,
  range: { start: Buffer; end: Buffer },
  view: View,
  views: Views,
  withValues = true,
): Walk {
  const options = { ...range, transaction: view }
  const found: Iterable<{ key: Buffer; value: Buffer }> = withValues
    ? table.getRange(options)
    : table.getKeys(options).map((key) => ({ key, value: empty }))
  let iterator: Iterator<{ key: Buffer; value: Buffer }> | undefined
  const walk: Walk = {
    [Symbol.iterator]: () => walk,
    next() {
      try {
        views.check()
      } catch (error) {
        walk.return()
        throw error
      }
      return (iterator ??= found[Symbol.iterator]()).next()
    },
    return() {
      iterator?.return?.()
      return { done: true, value: undefined }
    },
  }
  return walk
}

const empty = Buffer.alloc(0)
