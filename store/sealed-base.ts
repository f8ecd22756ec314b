/**
 * A base that holds the segments of a cut as they were sealed, or only names them where they lie beside
 * the realm: so a restore packs nothing, and a node serves before it has unpacked them. It serves "load
 * slices". Invariant: what is in it is what the cut named, byte for byte.
 */
import type { Layer, SegmentRef } from '#protocol/cut.ts'
import { openBaseFrames } from './base-frames.ts'
import { sealedWith } from './seal.ts'
import { type BaseHeader, headFieldsOf, sealedBaseFormat } from './base-header.ts'

/** Checks a segment against its name and takes its seal off; what is packed stays packed. */
export type Unseal = (id: string, bytes: Uint8Array) => Uint8Array

/** A segment that a base names, from where cuts are kept. */
export type SegmentOf = (id: string) => Promise<Uint8Array | undefined>

/** What a node has to open one with. */
export type Opening = { readonly unseal?: Unseal | undefined; readonly segmentOf?: SegmentOf | undefined }

export type Layers = {
  /** The newest first: what an address has in it speaks for it. */
  readonly layers: readonly Layer[]
  /** The name of the key that they are sealed with. */
  readonly keyName: string | undefined
  /** They are not in it. */
  readonly isShared: boolean
}

export type SealedLayers = Layers &
  Opening & {
    /** In the order of the layers; nothing of those that are shared. */
    readonly parts: readonly Uint8Array[]
  }

export type Lying = {
  readonly bytesOf: (ref: SegmentRef) => Promise<Uint8Array>
  /** They stay where they are, for as long as the realm needs them. */
  readonly isShared: boolean
}

export async function sealedBaseOf(
  header: BaseHeader,
  layers: readonly Layer[],
  { bytesOf, isShared }: Lying,
): Promise<Uint8Array> {
  const frames = openBaseFrames()
  const named = layers.map((layer) => layer.map(({ id, bytes, rows, first, last }) => [id, bytes, rows, first, last]))
  const refs = layers.flat()
  const [first] = refs
  const keyName = first && sealedWith(await bytesOf(first))
  await frames.push([sealedBaseFormat, ...headFieldsOf(header), [keyName ?? null, named, isShared]])
  const parts = isShared ? [] : refs
  for (const ref of parts) await frames.pushBytes(await bytesOf(ref))
  await frames.push(parts.length)
  return frames.bytes()
}

export function layersOf(field: unknown): Layers {
  const [keyName, named, isShared] = field as [string | null, [string, number, number, string, string][][], boolean]
  const layers = named.map((layer) => layer.map(([id, bytes, rows, first, last]) => ({ id, bytes, rows, first, last })))
  return { layers, keyName: keyName ?? undefined, isShared }
}
