/**
 * Looks single rows up in layers, of which the newest speaks. Invariant: of each layer one segment at
 * a time is at hand, so whoever asks in the order of addresses opens each at most once.
 */
import type { Address } from '#protocol/address.ts'
import type { Layer, SegmentRef, StateRow } from '#protocol/cut.ts'

type Rows = { rows(ref: SegmentRef): Promise<readonly unknown[]> }

type Open = { readonly id: string; readonly rows: ReadonlyMap<Address, StateRow> }

export type FindRow = (address: Address) => Promise<StateRow | undefined>

export function findRowIn(from: Rows, layers: readonly Layer[]): FindRow {
  const atHand: (Open | undefined)[] = []

  async function opened(at: number, ref: SegmentRef): Promise<Open> {
    const known = atHand[at]
    if (known?.id === ref.id) return known
    const rows = (await from.rows(ref)) as readonly StateRow[]
    return (atHand[at] = { id: ref.id, rows: new Map(rows.map((row) => [row[0], row] as const)) })
  }

  return async (address) => {
    for (const [at, layer] of layers.entries()) {
      const ref = segmentWith(layer, address)
      const row = ref && (await opened(at, ref)).rows.get(address)
      if (row !== undefined) return row
    }
    return undefined
  }
}

function segmentWith(layer: Layer, key: string): SegmentRef | undefined {
  let low = 0
  let high = layer.length - 1
  while (low <= high) {
    const middle = (low + high) >> 1
    const ref = layer[middle] as SegmentRef
    if (key < ref.first) high = middle - 1
    else if (key > ref.last) low = middle + 1
    else return ref
  }
  return undefined
}
