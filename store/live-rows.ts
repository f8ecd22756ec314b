/**
 * The actors of a partition in the order of addresses, whether they are rows or still lie under them.
 * It serves the clause "LMDB follows the log". Invariant: each is given once, as one view shows it.
 */
import type { StateRow } from '#protocol/cut.ts'
import { actorKey, addressOfKey } from './keys.ts'
import type { Tables, View } from './tables.ts'
import { readUnderlay, underRows } from './underlay.ts'
import type { Views } from './views.ts'
import { rows } from './walk.ts'

/** Its row, or what lies there in its place. */
export type LiveRow =
  | { readonly key: Buffer; readonly value: Buffer; readonly under?: undefined }
  | { readonly key: Buffer; readonly value?: undefined; readonly under: StateRow }

export type LiveRange = {
  readonly partition: number
  readonly start: Buffer
  readonly end: Buffer
  readonly withValues?: boolean
}

export function* liveRows(tables: Tables, range: LiveRange, view: View, views: Views): Generator<LiveRow> {
  const { partition, withValues = true } = range
  const stored = rows(tables.actors, range, view, views, withValues)
  if (readUnderlay(tables, partition, view) === undefined) return yield* stored
  const under = underIn(tables, range, view)
  try {
    let row = stored.next()
    let below = under.next()
    for (;;) {
      const order = row.done === true ? 1 : below.done === true ? -1 : Buffer.compare(row.value.key, below.value.key)
      if (row.done === true && below.done === true) return
      if (order <= 0 && row.done !== true) yield row.value
      else if (below.done !== true && tables.ended.get(below.value.key, { transaction: view }) === undefined)
        yield below.value
      if (order <= 0) row = stored.next()
      if (order >= 0) {
        below = under.next()
        // Unpacking is work without a look at the row above.
        views.check()
      }
    }
  } finally {
    stored.return()
    under.return(undefined)
  }
}

function* underIn(
  tables: Tables,
  { partition, start, end }: LiveRange,
  view: View,
): Generator<{ readonly key: Buffer; readonly under: StateRow }> {
  const address = addressOfKey(start)
  for (const under of underRows(
    tables,
    { partition, address: (address as string) === '' ? undefined : address },
    view,
  )) {
    const key = actorKey(partition, under[0])
    if (Buffer.compare(key, end) >= 0) return
    yield { key, under }
  }
}
