/** What is in a slice, row by row, and a bundle of other rows in the place of one. */
import type { Address } from '#protocol/address.ts'
import { type Bundle, bundleOf } from '#protocol/bundle.ts'
import { decode } from '#protocol/codec.ts'
import type { StateRow } from '#protocol/cut.ts'
import { needsOfRow, stateRowOf } from '#store/state-rows.ts'
import type { Needs, Slice } from '#store/store.ts'

/** Without a state it is gone. */
export type SliceRow = { readonly address: Address; readonly state: Uint8Array | undefined; readonly needs: Needs }

export async function* rowsOfSlice(slice: Slice, since?: string): AsyncGenerator<readonly SliceRow[]> {
  for await (const bundle of slice.bundles(since)) yield rowsOfBundle(bundle)
}

export function rowsOfBundle({ plain }: Bundle): readonly SliceRow[] {
  return (decode(plain) as StateRow[]).map((row) => ({
    address: row[0],
    state: row[1] ?? undefined,
    needs: needsOfRow(row),
  }))
}

/** Nothing where there is no row. */
export function bundleOfRows(rows: readonly SliceRow[]): readonly Bundle[] {
  const [first, last] = [rows.at(0), rows.at(-1)]
  if (first === undefined || last === undefined) return []
  const packed = rows.map(({ address, state, needs }) => stateRowOf(address, state, needs))
  return [bundleOf(packed, { first: first.address, last: last.address })]
}
