/**
 * A cut as one reads it: verified first, then any actor in it, all of them in order, and what was in
 * flight. It serves "it stands alone". Invariants: nothing of a cut is given out before its
 * signature and the hash of what it lies in were checked; of several layers the newest speaks.
 */
import type { Address } from '#protocol/address.ts'
import {
  type CutManifest,
  type CutSlice,
  decodeSlice,
  type FlightRow,
  type Layer,
  type SegmentRef,
  signedBytesOf,
  type StateRow,
} from '#protocol/cut.ts'
import { Fault } from '#protocol/fault.ts'
import type { ClientMark } from '#protocol/folded.ts'
import { partitionOf } from '#protocol/partition.ts'
import type { Archive } from '#store/archive.ts'
import type { CutShelf } from './cut-shelf.ts'
import { looseSegmentsOf, segmentsOf, sliceBytesOf } from './cut-source.ts'
import { type FindRow, findRowIn } from './find-row.ts'
import { flightsInOrder } from './flights-in-order.ts'
import { mergeRows } from './merge-rows.ts'
import { type IsWanted, wantedOf } from './wanted-segments.ts'

export type CutView = {
  readonly manifest: CutManifest
  slice(partition: number): Promise<CutSlice>
  /** The stored state of one actor; nothing when it was not there. */
  state(address: Address): Promise<Uint8Array | undefined>
  /** Every actor of a partition, in the order of addresses; where something is wanted, all of what is, and maybe others. */
  states(partition: number, isWanted?: IsWanted): AsyncGenerator<StateRow>
  /** What was in flight, in the order of positions. */
  flights(): AsyncGenerator<FlightRow>
  /** What was parked, entry by entry, in the order of positions. */
  parked(): AsyncGenerator<FlightRow>
  /** The sessions of clients, as far as a partition had taken them. */
  clients(partition: number): AsyncGenerator<ClientMark>
  /** All of one segment, as it lies in its layer. */
  rows(ref: SegmentRef): Promise<readonly unknown[]>
  /** The same as it is stored, checked against its name. */
  bytes(ref: SegmentRef): Promise<Uint8Array>
  /** Whether a segment is there, and its hash, its seal and its packing hold; else the fault. Its rows are not read. */
  check(ref: SegmentRef): Promise<void>
  /** Every segment that it names. */
  segments(): Promise<ReadonlyMap<string, SegmentRef>>
}

/** Where a cut is read from: the archive and the object store, or a file. */
export type CutReading = Pick<CutShelf, 'manifest' | 'document' | 'rows' | 'bytes' | 'opens'>

type World = {
  readonly shelf: CutReading
  readonly archive: Pick<Archive, 'hashOf' | 'signer' | 'isSigned'>
}

export async function openCut({ shelf, archive }: World, id: string): Promise<CutView> {
  const manifest = await shelf.manifest(id)
  checkSignature(archive, manifest)
  const slices = new Map<number, Promise<CutSlice>>()

  async function read(partition: number): Promise<CutSlice> {
    const ref = manifest.slices.find((one) => one.partition === partition)
    if (ref === undefined) throw new RangeError(`partition ${partition} of ${manifest.partitions}`)
    return decodeSlice(await sliceBytesOf(shelf, archive, { cut: id, ...ref }))
  }

  function slice(partition: number): Promise<CutSlice> {
    const known = slices.get(partition) ?? read(partition)
    slices.set(partition, known)
    return known
  }

  /** In the partition that was asked for last: whoever asks in its order opens each segment once. */
  let near: { readonly partition: number; readonly find: FindRow } | undefined

  async function finderIn(partition: number): Promise<FindRow> {
    if (near?.partition === partition) return near.find
    const find = findRowIn(shelf, (await slice(partition)).layers)
    near = { partition, find }
    return find
  }

  return {
    manifest,
    slice,
    async state(address) {
      const find = await finderIn(partitionOf(address, manifest.partitions))
      return (await find(address))?.[1] ?? undefined
    },
    async *states(partition, isWanted) {
      const { layers: all } = await slice(partition)
      const layers = isWanted === undefined ? all : wantedOf(all, isWanted)
      for await (const row of mergeRows(layers.map((layer) => rowsOf<StateRow>(shelf, layer))))
        if (row[1] !== null) yield row
    },
    flights: () => flightsInOrder(manifest.flights, (layer) => rowsOf<FlightRow>(shelf, layer)),
    parked: () => rowsOf<FlightRow>(shelf, manifest.parked ?? []),
    async *clients(partition) {
      const { clients } = await slice(partition)
      yield* rowsOf<ClientMark>(shelf, clients)
    },
    rows: (ref) => shelf.rows(ref),
    bytes: (ref) => shelf.bytes(ref),
    check: (ref) => shelf.opens(ref),
    async segments() {
      const all = new Map(looseSegmentsOf(manifest).map((ref) => [ref.id, ref] as const))
      for (const { partition } of manifest.slices)
        for (const ref of segmentsOf(await slice(partition))) all.set(ref.id, ref)
      return all
    },
  }
}

export function checkSignature(archive: World['archive'], manifest: CutManifest): void {
  const { id, signature, signer } = manifest
  const isOurs = Buffer.from(signer).equals(Buffer.from(archive.signer))
  const holds = archive.isSigned(signedBytesOf(manifest), signature, signer)
  if (isOurs && holds) return
  const reason = holds ? 'it was signed with another key than the one here' : 'its bytes are not those that were signed'
  throw new Fault('cut.signature', { value: id, reason })
}

/** What the cut names: its signature holds, and the hash of each slice. */
export function slicesOf({ manifest, slice }: Pick<CutView, 'manifest' | 'slice'>): Promise<readonly CutSlice[]> {
  return Promise.all(manifest.slices.map(({ partition }) => slice(partition)))
}

/** Of one layer, a segment after the other. */
export async function* rowsOf<T>(from: Pick<CutReading, 'rows'>, layer: Layer): AsyncGenerator<T> {
  for (const ref of layer) yield* (await from.rows(ref)) as T[]
}
