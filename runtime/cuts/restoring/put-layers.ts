/**
 * The segments of a cut as bases of the new generation, sealed as they are: nothing is decoded here,
 * and a node serves a partition before it has unpacked it. It serves "load slices". Invariant: only
 * where partitions stay what they were and no instant moves, because a segment is not looked into.
 */
import type { Layer, SegmentRef } from '#protocol/cut.ts'
import type { Bus } from '#runtime/bus.ts'
import { type BaseHeader, type Filling, putBases } from './put-bases.ts'
import type { OnProgress } from './restore.ts'

/** What a base is to say of segments: their bytes, or where they lie beside the realm nothing but their names. */
type Lying = { readonly bytesOf: (ref: SegmentRef) => Promise<Uint8Array>; readonly isShared: boolean }

/** A partition as a base of segments. */
export type SealedBaseOf = (header: BaseHeader, layers: readonly Layer[], lying: Lying) => Promise<Uint8Array>

export function canLieUnder({ view, shiftMs }: Pick<Filling, 'view' | 'shiftMs'>, partitions: number): boolean {
  return shiftMs === 0 && partitions === view.manifest.partitions
}

export async function putLayers(
  {
    bus,
    sealedBaseOf,
    isShared,
  }: { readonly bus: Bus; readonly sealedBaseOf: SealedBaseOf; readonly isShared: boolean },
  filling: Filling,
  onProgress: OnProgress,
): Promise<number> {
  const { view } = filling
  const make = async (header: BaseHeader): Promise<Uint8Array> => {
    const { layers } = await view.slice(header.partition.partition)
    return await sealedBaseOf(header, layers, { bytesOf: view.bytes, isShared })
  }
  await putBases(bus, { ...filling, make }, onProgress)
  return view.manifest.slices.reduce((sum, { actors }) => sum + actors, 0)
}
