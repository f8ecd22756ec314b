/**
 * The archive of cuts on this machine: segments by the hash of their bytes, and the documents that
 * name them. It serves "LMDB is the archive of cuts". Invariants: what is given out was checked
 * against its name; what `put` resolves for is on disk; a segment that a document names is not
 * dropped before the document is.
 *
 * Two implementations: LMDB (`./lmdb-archive.ts`) and memory, for tests in virtual time.
 */
import type { Bundle } from '#protocol/bundle.ts'
import type { SegmentRef } from '#protocol/cut.ts'

export type Packed = {
  readonly ref: SegmentRef
  readonly bytes: Uint8Array
  readonly keep: () => Promise<void>
  /** Nobody needs `bytes` any more. */
  readonly letGo: () => void
}

export interface Archive extends AsyncDisposable {
  /** The name of the key that segments are sealed with; nothing without one. */
  readonly keyName: string | undefined
  readonly signer: Uint8Array
  /** SHA-256 in hex. */
  hashOf(bytes: Uint8Array): string
  sign(bytes: Uint8Array): Uint8Array
  isSigned(bytes: Uint8Array, signature: Uint8Array, signer: Uint8Array): boolean

  /** Packs and seals a bundle, of which nothing is left then, and keeps nothing before `keep`. */
  pack(bundle: Bundle): Promise<Packed>
  /** The rows of a segment; nothing when it is not here. */
  rows(ref: SegmentRef): Promise<readonly unknown[] | undefined>
  /** The same without waiting, for whoever steps. */
  rowsNow(ref: SegmentRef): readonly unknown[] | undefined
  /** The rows of a copy that lies elsewhere, checked against its name; nothing of it is kept. */
  rowsIn(id: string, bytes: Uint8Array): Promise<readonly unknown[]>
  /** Throws unless such a copy is what its name says, and its seal and its packing hold. */
  opens(id: string, bytes: Uint8Array): Promise<void>
  /** A copy that lies elsewhere, checked against its name, without its seal and still packed. */
  unsealed(id: string, bytes: Uint8Array): Uint8Array
  /** A segment as it is stored, to be copied. */
  bytes(id: string): Uint8Array | undefined
  /** Takes a copy in, checked against its name. */
  take(id: string, bytes: Uint8Array): Promise<void>
  has(id: string): boolean
  drop(ids: readonly string[]): Promise<void>
  segments(): Iterable<string>

  /** Documents by name: manifests and slices. */
  readonly documents: {
    put(name: string, bytes: Uint8Array): Promise<void>
    get(name: string): Uint8Array | undefined
    remove(name: string): Promise<void>
    names(): Iterable<string>
  }
  /** Bytes of everything in it, and the most it may hold. */
  size(): { readonly bytes: number; readonly limit: number }
  close(): Promise<void>
}

/** Where bytes lie; what they mean is the same for all. */
export type Shelf = {
  get(table: 'segments' | 'documents', name: string): Uint8Array | undefined
  names(table: 'segments' | 'documents'): Iterable<string>
  put(table: 'segments' | 'documents', name: string, bytes: Uint8Array): Promise<void>
  remove(table: 'segments' | 'documents', names: readonly string[]): Promise<void>
  size(): { readonly bytes: number; readonly limit: number }
  close(): Promise<void>
}
