/**
 * What can differ between two cuts in a partition: the layers that they share say the same of both,
 * so only those above are read, and of what lies below only the segments in which something of it
 * is looked up. It serves "diff A B" for a large realm of which little changed. Invariant: rows come
 * in the order of addresses, and each segment is read at most once.
 */
import type { Layer, StateRow } from '#protocol/cut.ts'
import { findRowIn } from './find-row.ts'
import { mergeRows, type Pair, pairRows } from './merge-rows.ts'
import { type CutView, rowsOf } from './open-cut.ts'

export async function* changedRows(a: CutView, b: CutView, partition: number): AsyncGenerator<Pair> {
  const [{ layers: before }, { layers: after }] = await Promise.all([a.slice(partition), b.slice(partition)])
  const shared = sharedOf(before, after)
  const below = findRowIn(b, after.slice(after.length - shared))
  const [old, next] = [
    rowsAbove(a, before.slice(0, before.length - shared)),
    rowsAbove(b, after.slice(0, after.length - shared)),
  ]
  for await (const [address, was, is] of pairRows(old, next)) {
    // What one of them does not say above is what both say below.
    const both = was === undefined || is === undefined ? await below(address) : undefined
    yield [address, was ?? both, is ?? both]
  }
}

/** How many layers, from the lowest up, are the same. */
function sharedOf(before: readonly Layer[], after: readonly Layer[]): number {
  const nameOf = (layer: Layer | undefined): string | undefined => layer?.map(({ id }) => id).join()
  const most = Math.min(before.length, after.length)
  let shared = 0
  while (shared < most && nameOf(before.at(-1 - shared)) === nameOf(after.at(-1 - shared))) shared++
  return shared
}

/** Also of those that are gone. */
function rowsAbove(view: CutView, layers: readonly Layer[]): AsyncGenerator<StateRow> {
  return mergeRows(layers.map((layer) => rowsOf<StateRow>(view, layer)))
}
