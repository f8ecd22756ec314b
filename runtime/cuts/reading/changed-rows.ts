/**
 * What can differ between two cuts in a partition: the layers that they share say the same of both,
 * so only those above are read, and of what lies below only the segments in which something of it
 * is looked up. It serves "diff A B" for a large realm of which little changed. Invariant: rows come
 * in the order of addresses, and each segment is read at most once.
 */
import type { Address } from '#protocol/address.ts'
import type { Layer, SegmentRef, StateRow } from '#protocol/cut.ts'
import { type CutView, segmentWith } from './open-cut.ts'

export type Pair = readonly [address: Address, was: StateRow | undefined, is: StateRow | undefined]

export async function* changedRows(a: CutView, b: CutView, partition: number): AsyncGenerator<Pair> {
  const [{ layers: before }, { layers: after }] = await Promise.all([a.slice(partition), b.slice(partition)])
  const shared = sharedOf(before, after)
  const below = lookedUp(b, after.slice(after.length - shared))
  const [old, next] = [
    rowsAbove(a, before.slice(0, before.length - shared)),
    rowsAbove(b, after.slice(0, after.length - shared)),
  ]
  let [was, is] = await Promise.all([old.next(), next.next()])
  while (was.done !== true || is.done !== true) {
    const isOld = was.done !== true && (is.done === true || was.value[0] <= is.value[0])
    const isNew = is.done !== true && (was.done === true || is.value[0] <= was.value[0])
    const [oldRow, newRow] = [isOld ? (was.value as StateRow) : undefined, isNew ? (is.value as StateRow) : undefined]
    const [address] = (oldRow ?? newRow) as StateRow
    // What one of them does not say above is what both say below.
    const both = oldRow === undefined || newRow === undefined ? await below(address) : undefined
    yield [address, oldRow ?? both, newRow ?? both]
    if (isOld) was = await old.next()
    if (isNew) is = await next.next()
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

/** Also of those that are gone; of several layers the newest speaks. */
async function* rowsAbove(view: CutView, layers: readonly Layer[]): AsyncGenerator<StateRow> {
  const sources = layers.map((layer) => rowsOf(view, layer))
  const heads = await Promise.all(sources.map((source) => source.next()))
  for (;;) {
    let least: StateRow | undefined
    for (const { done, value } of heads)
      if (done !== true && (least === undefined || value[0] < least[0])) least = value
    if (least === undefined) return
    yield least
    for (const [at, head] of heads.entries())
      if (head.done !== true && head.value[0] === least[0])
        heads[at] = await (sources[at] as AsyncGenerator<StateRow>).next()
  }
}

async function* rowsOf(view: CutView, layer: Layer): AsyncGenerator<StateRow> {
  for (const ref of layer) yield* await statesIn(view, ref)
}

async function statesIn(view: CutView, ref: SegmentRef): Promise<readonly StateRow[]> {
  return (await view.rows(ref)) as readonly StateRow[]
}

/** Asked in the order of addresses: of each layer one segment at a time is at hand. */
function lookedUp(view: CutView, layers: readonly Layer[]): (address: Address) => Promise<StateRow | undefined> {
  const atHand = layers.map((): { id: string; rows: ReadonlyMap<Address, StateRow> } => ({ id: '', rows: new Map() }))
  return async (address) => {
    for (const [at, layer] of layers.entries()) {
      const ref = segmentWith(layer, address)
      if (ref === undefined) continue
      if (atHand[at]?.id !== ref.id) {
        const rows = await statesIn(view, ref)
        atHand[at] = { id: ref.id, rows: new Map(rows.map((row) => [row[0], row] as const)) }
      }
      const row = atHand[at]?.rows.get(address)
      if (row !== undefined) return row
    }
    return undefined
  }
}
