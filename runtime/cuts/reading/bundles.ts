/** Rows gathered into what becomes one segment: large enough to pack well, small enough to read one row of. */

export type Bundle = { readonly rows: readonly unknown[]; readonly first: string; readonly last: string }

type Keyed = { readonly key: string; readonly row: unknown; readonly bytes: number }

/** Before packing. */
const bundleBytes = 256 * 1024
const bundleRows = 4000

export async function* bundlesOf<T>(
  portions: AsyncIterable<readonly T[]> | Iterable<readonly T[]>,
  keyedOf: (row: T) => Keyed,
): AsyncGenerator<Bundle> {
  let rows: unknown[] = []
  let bytes = 0
  let first = ''
  let last = ''
  for await (const portion of portions) {
    for (const one of portion) {
      const keyed = keyedOf(one)
      if (rows.length === 0) first = keyed.key
      last = keyed.key
      rows.push(keyed.row)
      bytes += keyed.bytes
      if (bytes < bundleBytes && rows.length < bundleRows) continue
      yield { rows, first, last }
      rows = []
      bytes = 0
    }
  }
  if (rows.length > 0) yield { rows, first, last }
}
