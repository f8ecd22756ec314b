/**
 * Bytes of cuts wherever they lie: in the object store, in an archive, in a file. It serves "it
 * stands alone". Invariants: nothing is given out of a cut before it was checked against the name or
 * the hash by which it is known; looking at a cut keeps nothing and changes nothing.
 */
import {
  type CutManifest,
  cutNames,
  type CutSlice,
  decodeManifest,
  decodeSlice,
  type Layer,
  type SegmentRef,
  signedBytesOf,
  type SliceRef,
} from '#protocol/cut.ts'
import { Fault } from '#protocol/fault.ts'
import type { Archive } from '#store/archive.ts'
import type { Blobs } from '#runtime/bus.ts'
import type { CutReading } from './open-cut.ts'

export type CutSource = {
  /** A manifest or a slice. */
  document(name: string): Promise<Uint8Array | undefined>
  segment(id: string): Promise<Uint8Array | undefined>
}

export function storedSource(cuts: Pick<Blobs, 'get'>): CutSource {
  return { document: (name) => cuts.get(name), segment: (id) => cuts.get(cutNames.segment(id)) }
}

/** What this machine has; what is not in its archive may be elsewhere. */
export function archivedSource(archive: Pick<Archive, 'bytes' | 'documents'>): CutSource {
  return {
    document: (name) => Promise.resolve(archive.documents.get(name)),
    segment: (id) => Promise.resolve(archive.bytes(id)),
  }
}

/** The first that has it. */
export function eitherSource(...sources: readonly CutSource[]): CutSource {
  const first = async (
    from: (source: CutSource) => Promise<Uint8Array | undefined>,
  ): Promise<Uint8Array | undefined> => {
    for (const source of sources) {
      const found = await from(source)
      if (found !== undefined) return found
    }
    return undefined
  }
  return {
    document: (name) => first((source) => source.document(name)),
    segment: (id) => first((source) => source.segment(id)),
  }
}

/** For `openCut`. */
export function readingOf(
  source: CutSource,
  archive: Pick<Archive, 'rowsIn' | 'opens' | 'hashOf'>,
  realm: string,
): CutReading {
  return {
    document: source.document,
    manifest: (cut) => manifestOf(source, cut, realm),
    rows: async ({ id }) => await archive.rowsIn(id, await segmentIn(source, id)),
    opens: async ({ id }) => await archive.opens(id, await segmentIn(source, id)),
    bytes: ({ id }) => segmentBytesOf(source, archive, id),
  }
}

type Documents = Pick<CutSource, 'document'>

export async function manifestOf(source: Documents, cut: string, realm: string): Promise<CutManifest> {
  return decodeManifest(await manifestBytesOf(source, cut, realm))
}

async function manifestBytesOf(source: Documents, cut: string, realm: string): Promise<Uint8Array> {
  const bytes = await source.document(cutNames.manifest(cut))
  if (bytes === undefined) throw new Fault('cut.unknown', { value: cut, realm })
  return bytes
}

type Hashing = Pick<Archive, 'hashOf' | 'isSigned'>

/** A cut as its documents say, checked as far as that goes without its key. */
export type Outline = {
  readonly manifest: CutManifest
  readonly documents: ReadonlyMap<string, Uint8Array>
  readonly segments: ReadonlyMap<string, SegmentRef>
}

export async function outlineOf(
  source: CutSource,
  archive: Hashing,
  { cut, realm }: { readonly cut: string; readonly realm: string },
): Promise<Outline> {
  const bytes = await manifestBytesOf(source, cut, realm)
  const manifest = decodeManifest(bytes)
  if (manifest.id !== cut) throw damaged('manifest', cut, `it is the manifest of ${manifest.id}`)
  if (!archive.isSigned(signedBytesOf(manifest), manifest.signature, manifest.signer))
    throw new Fault('cut.signature', { value: cut, reason: 'its bytes are not those that were signed' })
  const documents = new Map([[cutNames.manifest(cut), bytes]])
  const segments = new Map(looseSegmentsOf(manifest).map((ref) => [ref.id, ref] as const))
  for (const { partition, hash } of manifest.slices) {
    const slice = await sliceBytesOf(source, archive, { cut, partition, hash })
    documents.set(cutNames.slice(cut, partition), slice)
    for (const ref of segmentsOf(decodeSlice(slice))) segments.set(ref.id, ref)
  }
  return { manifest, documents, segments }
}

/** As the manifest names it. */
export async function sliceBytesOf(
  source: Documents,
  archive: Pick<Archive, 'hashOf'>,
  { cut, partition, hash }: Pick<SliceRef, 'partition' | 'hash'> & { readonly cut: string },
): Promise<Uint8Array> {
  const value = cutNames.slice(cut, partition)
  const bytes = await source.document(value)
  if (bytes === undefined) throw new Fault('cut.missing', { what: 'slice', value })
  if (archive.hashOf(bytes) !== hash) throw damaged('slice', value, 'its hash is another one than the manifest names')
  return bytes
}

/** Those that belong to no slice. */
export function looseSegmentsOf({ flights, parked = [] }: Pick<CutManifest, 'flights' | 'parked'>): Layer {
  return [...flights, ...parked]
}

export function segmentsOf({ layers, clients }: CutSlice): readonly SegmentRef[] {
  return [...layers.flat(), ...clients]
}

/** As it lies there, if it is what its name says. */
export async function segmentBytesOf(
  source: CutSource,
  archive: Pick<Archive, 'hashOf'>,
  id: string,
): Promise<Uint8Array> {
  const bytes = await segmentIn(source, id)
  if (archive.hashOf(bytes) !== id) throw damaged('segment', id, 'its hash is another one')
  return bytes
}

/** Not checked yet. */
export async function segmentIn(source: CutSource, id: string): Promise<Uint8Array> {
  const bytes = await source.segment(id)
  if (bytes === undefined) throw new Fault('cut.missing', { what: 'segment', value: id })
  return bytes
}

export function damaged(what: string, value: string, reason: string): Fault {
  return new Fault('cut.damaged', { what, value, reason })
}
