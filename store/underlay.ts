/**
 * The states of a restored partition that are not rows yet: the segments of a cut, under the rows.
 * It serves "load slices", so that a partition serves before it is unpacked. Invariants: of two the
 * rows speak, and the underlay is silent; it is silent about whoever is gone, and up to the address
 * that it was filled in to; that address and the rows up to it change in one transaction, so what one
 * view shows of them fits together.
 */
import type { Address } from '#protocol/address.ts'
import { decode, encode } from '#protocol/codec.ts'
import type { StateRow } from '#protocol/cut.ts'
import { actorKey, partitionKey } from './keys.ts'
import { sealed, unsealed } from './sealed.ts'
import { unpackedRows } from './sealed-rows.ts'
import { placeIn } from './state-rows.ts'
import type { Op, Table, Tables, View } from './tables.ts'

export type Underlay = {
  /** Of this load: what was unpacked for one is not taken for another's. */
  readonly load: string
  readonly layers: number
  /** Rows exist, or nothing does, up to this address; nothing at the beginning. */
  readonly filledTo: Address | undefined
  /** Actors beyond it, and how many of these have a row already, or are gone. */
  readonly left: number
  readonly touched: number
  /** All are rows now; what is left are segments that nobody reads. */
  readonly isFilled: boolean
}

const format = 1
const prefix = Buffer.from('l')

export function readUnderlay(tables: Tables, partition: number, view?: View): Underlay | undefined {
  const key = underlayKey(partition)
  const row = tables.meta.get(key, of(view))
  return row === undefined ? undefined : underlayIn(key, row)
}

function underlayIn(key: Uint8Array, row: Buffer): Underlay {
  const [, load, layers, filledTo, left, touched, isFilled] = decode(unsealed(key, row, 'what was restored')) as [
    number,
    string,
    number,
    Address | null,
    number,
    number,
    boolean,
  ]
  return { load, layers, filledTo: filledTo ?? undefined, left, touched, isFilled }
}

export function underlayOp(tables: Tables, partition: number, underlay: Underlay | undefined): Op {
  const key = underlayKey(partition)
  if (underlay === undefined) return { table: tables.meta, key, value: undefined }
  const { load, layers, filledTo, left, touched, isFilled } = underlay
  return {
    table: tables.meta,
    key,
    value: sealed(key, encode([format, load, layers, filledTo ?? null, left, touched, isFilled])),
  }
}

function underlayKey(partition: number): Buffer {
  return Buffer.concat([prefix, partitionKey(partition)])
}

/** By partition. */
export function underlaysIn(tables: Tables, view?: View): ReadonlyMap<number, Underlay> {
  const range = { start: prefix, end: Buffer.from('m'), ...of(view) }
  return new Map(
    Array.from(tables.meta.getRange(range), ({ key, value }) => {
      const bytes = Buffer.from(key)
      return [bytes.readUInt16BE(prefix.length), underlayIn(bytes, value)] as const
    }),
  )
}

/** Actors that are only there. */
export function countOnlyUnder(tables: Tables): number {
  let count = 0
  for (const { left, touched } of underlaysIn(tables).values()) count += left - touched
  return count
}

/** Before a row of it exists; nothing when it is not there, is gone, or is a row. */
export function readUnder(tables: Tables, partition: number, address: Address, view?: View): StateRow | undefined {
  const underlay = readUnderlay(tables, partition, view)
  if (underlay === undefined || isPast(underlay, address)) return undefined
  // A row of its end hides it.
  if (tables.ended.get(actorKey(partition, address), of(view)) !== undefined) return undefined
  for (let layer = 0; layer < underlay.layers; layer++) {
    const segment = segmentWith(tables, { load: underlay.load, partition, layer, address }, view)
    const row = segment?.rows[placeIn(segment.rows, address)]
    if (row?.[0] === address) return row[1] === null ? undefined : row
  }
  return undefined
}

function isPast({ filledTo, isFilled }: Underlay, address: Address): boolean {
  return isFilled || (filledTo !== undefined && address <= filledTo)
}

export type From = { readonly partition: number; readonly address?: Address | undefined }

/** In the order of addresses, from an address on: of several layers the one that speaks. */
export function* underRows(tables: Tables, { partition, address }: From, view?: View): Generator<StateRow> {
  const underlay = readUnderlay(tables, partition, view)
  if (underlay === undefined || underlay.isFilled) return
  const { load, filledTo } = underlay
  const isAfter = filledTo !== undefined && (address === undefined || address <= filledTo)
  const from = isAfter ? filledTo : address
  const walks = Array.from({ length: underlay.layers }, (_, layer) =>
    layerFrom(tables, { load, partition, layer, address: from }, view),
  )
  for (const row of speaking(walks)) if (!isAfter || row[0] !== filledTo) yield row
}

function* speaking(walks: readonly Generator<StateRow>[]): Generator<StateRow> {
  const heads = walks.map((walk) => walk.next())
  for (;;) {
    let least: StateRow | undefined
    for (const { done, value } of heads)
      if (done !== true && (least === undefined || value[0] < least[0])) least = value
    if (least === undefined) return
    for (const [at, head] of heads.entries())
      if (head.done !== true && head.value[0] === least[0]) heads[at] = (walks[at] as Generator<StateRow>).next()
    if (least[1] !== null) yield least
  }
}

type InLayer = From & { readonly load: string; readonly layer: number }

function* layerFrom(tables: Tables, { load, partition, layer, address }: InLayer, view?: View): Generator<StateRow> {
  const first = address === undefined ? undefined : segmentWith(tables, { load, partition, layer, address }, view)
  if (first !== undefined && address !== undefined) yield* first.rows.slice(placeIn(first.rows, address))
  let after = first?.key ?? (address === undefined ? layerKey(partition, layer) : layerKey(partition, layer, address))
  for (;;) {
    const next = segmentAfter(tables, { load, after, end: layerKey(partition, layer + 1) }, view)
    if (next === undefined) return
    yield* next.rows
    after = next.key
  }
}

type Segment = { readonly key: Buffer; readonly last: string; readonly rows: readonly StateRow[] }

/** The one that the address would lie in. */
function segmentWith(
  tables: Tables,
  { load, partition, layer, address }: InLayer & { readonly address: Address },
  view?: View,
): Segment | undefined {
  const range = { start: layerKey(partition, layer, address), end: layerKey(partition, layer) }
  for (const key of tables.layers.getKeys({ ...range, ...of(view), reverse: true, limit: 1 })) {
    const segment = opened(tables, { load, key: Buffer.from(key) }, view)
    return segment === undefined || segment.last < address ? undefined : segment
  }
  return undefined
}

function segmentAfter(
  tables: Tables,
  { load, after, end }: { readonly load: string; readonly after: Buffer; readonly end: Buffer },
  view?: View,
): Segment | undefined {
  for (const key of tables.layers.getKeys({ start: after, end, ...of(view), limit: 2 }))
    if (!after.equals(key)) return opened(tables, { load, key: Buffer.from(key) }, view)
  return undefined
}

/** So many stay open, some tens of megabytes: reading one actor costs unpacking a few hundred. */
const openMost = 128

const caches = new WeakMap<Tables, Map<string, Segment>>()

function opened(
  tables: Tables,
  { load, key }: { readonly load: string; readonly key: Buffer },
  view: View | undefined,
): Segment | undefined {
  const cache = caches.get(tables) ?? new Map<string, Segment>()
  caches.set(tables, cache)
  const name = `${load} ${key.toString('latin1')}`
  const segment = cache.get(name) ?? segmentIn(key, tables.layers.get(key, of(view)))
  if (segment === undefined) return undefined
  cache.delete(name)
  cache.set(name, segment)
  for (const oldest of cache.keys()) {
    if (cache.size <= openMost) break
    cache.delete(oldest)
  }
  return segment
}

function segmentIn(key: Buffer, row: Buffer | undefined): Segment | undefined {
  if (row === undefined) return undefined
  const payload = unsealed(key, row, 'a segment of what was restored')
  const end = 2 + payload.readUInt16LE(0)
  return { key, last: payload.toString('latin1', 2, end), rows: unpackedRows(payload.subarray(end)) }
}

/** What was unpacked is of no use any more. */
export function forgetOpened(tables: Tables): void {
  caches.delete(tables)
}

export type LayerPart = { readonly layer: number; readonly first: string; readonly last: string }

/** `packed`: rows as they were packed for a segment. */
export function segmentOp(
  table: Table,
  partition: number,
  { layer, first, last, packed }: LayerPart & { readonly packed: Uint8Array },
): Op {
  const key = layerKey(partition, layer, first as Address)
  const payload = Buffer.allocUnsafe(2 + last.length + packed.length)
  payload.writeUInt16LE(last.length, 0)
  payload.write(last, 2, 'latin1')
  payload.set(packed, 2 + last.length)
  return { table, key, value: sealed(key, payload) }
}

function layerKey(partition: number, layer: number, address: Address | '' = ''): Buffer {
  return Buffer.concat([partitionKey(partition), Buffer.from([layer]), Buffer.from(address, 'latin1')])
}

function of(view: View | undefined): { transaction: View } | undefined {
  return view === undefined ? undefined : { transaction: view }
}
