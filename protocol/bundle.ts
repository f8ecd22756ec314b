/**
 * Rows gathered into what becomes one segment of a cut: large enough to pack well, small enough to read
 * one row of.
 */
import { encodeTree } from './codec.ts'
import { mayNameChild } from './quiet-rows.ts'

/** `plain`: the rows as one array; whoever packs it may let go of its memory. */
export type Bundle = {
  readonly plain: Uint8Array
  readonly rows: number
  readonly first: string
  readonly last: string
  /** Nobody in it can wait for anybody; where that is not known, nothing. */
  readonly quiet?: boolean
}

/** `isNeedy`: of a state, whether something keeps its actor awake. */
export type Keyed = {
  readonly key: string
  readonly row: unknown
  readonly bytes: number
  readonly isNeedy?: boolean
}

/** Before packing. */
export const bundleBytes = 256 * 1024
export const bundleRows = 4000

export function bundleOf(
  rows: readonly unknown[],
  { first, last, isNeedy }: { readonly first: string; readonly last: string; readonly isNeedy?: boolean | undefined },
): Bundle {
  const plain = encodeTree(rows)
  return { plain, rows: rows.length, first, last, quiet: isNeedy === false && !mayNameChild(plain) }
}

export async function* bundlesOf<T>(
  portions: AsyncIterable<readonly T[]> | Iterable<readonly T[]>,
  keyedOf: (row: T) => Keyed,
): AsyncGenerator<Bundle> {
  let rows: unknown[] = []
  let bytes = 0
  let first = ''
  let last = ''
  let isNeedy: boolean | undefined
  const bundle = (): Bundle => bundleOf(rows, { first, last, isNeedy })
  for await (const portion of portions) {
    for (const one of portion) {
      const keyed = keyedOf(one)
      if (rows.length === 0) {
        first = keyed.key
        isNeedy = keyed.isNeedy
      } else isNeedy ||= keyed.isNeedy
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
