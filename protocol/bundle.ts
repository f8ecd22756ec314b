/**
 * Rows gathered into what becomes one segment of a cut: large enough to pack well, small enough to read
 * one row of.
 */
import { encodeTree } from './codec.ts'

/** `plain`: the rows as one array; whoever packs it may let go of its memory. */
export type Bundle = {
  readonly plain: Uint8Array
  readonly rows: number
  readonly first: string
  readonly last: string
}

export type Keyed = { readonly key: string; readonly row: unknown; readonly bytes: number }

/** Before packing. */
export const bundleBytes = 256 * 1024
export const bundleRows = 4000

export function bundleOf(
  rows: readonly unknown[],
  { first, last }: { readonly first: string; readonly last: string },
): Bundle {
  return { plain: encodeTree(rows), rows: rows.length, first, last }
}

export async function* bundlesOf<T>(
  portions: AsyncIterable<readonly T[]> | Iterable<readonly T[]>,
  keyedOf: (row: T) => Keyed,
): AsyncGenerator<Bundle> {
  let rows: unknown[] = []
  let bytes = 0
  let first = ''
  let last = ''
  const bundle = (): Bundle => bundleOf(rows, { first, last })
  for await (const portion of portions) {
    for (const one of portion) {
      const keyed = keyedOf(one)
      if (rows.length === 0) first = keyed.key
      last = keyed.key
      rows.push(keyed.row)
      bytes += keyed.bytes
      if (bytes < bundleBytes && rows.length < bundleRows) continue
      yield bundle()
      rows = []
      bytes = 0
    }
  }
  if (rows.length > 0) yield bundle()
}
