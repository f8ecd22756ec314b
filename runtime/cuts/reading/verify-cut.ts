/**
 * Looks at all of a cut: every signature, hash and segment. It serves "each backup is verified".
 * Invariants: nothing is changed by it; it goes on behind what is damaged, so that all of it is
 * known at once; what it calls whole can be restored with the key that is here.
 */
import { cutNames, decodeSlice, type CutManifest, type SegmentRef } from '#protocol/cut.ts'
import { isFault, type StoredFault, storedFaultOf } from '#protocol/fault.ts'
import type { Archive } from '#store/archive.ts'
import {
  type CutSource,
  damaged,
  looseSegmentsOf,
  manifestOf,
  segmentIn,
  segmentsOf,
  sliceBytesOf,
} from './cut-source.ts'
import { checkSignature } from './open-cut.ts'

export type Flaw = {
  readonly what: 'manifest' | 'slice' | 'segment'
  /** How it is called where it lies. */
  readonly name: string
  readonly partition: number | undefined
  readonly fault: StoredFault
  /** Nodes that have a sound copy in their archives. */
  readonly heldBy: readonly string[]
}

export type Verified = {
  readonly cut: string
  readonly documents: number
  readonly segments: number
  readonly bytes: number
  readonly actors: number
  /** The first of them, when there are very many. */
  readonly flaws: readonly Flaw[]
  readonly flawed: number
}

export type VerifyProgress = { readonly done: number; readonly of: number }

type World = {
  readonly source: CutSource
  readonly archive: Pick<Archive, 'hashOf' | 'isSigned' | 'signer' | 'rowsIn' | 'opens'>
  /** Which nodes have one of these in their archives; nobody is asked where there are none. */
  readonly heldBy?: ((names: readonly string[]) => Promise<ReadonlyMap<string, readonly string[]>>) | undefined
}

const flawsMost = 1000

type Asked = {
  readonly cut: string
  readonly realm: string
  /** Throws the first fault, for whoever uses nothing of what is not whole. */
  readonly isStrict?: boolean
}

type Wanted = { readonly ref: SegmentRef; readonly partition: number | undefined }

export async function verifyCut(
  { source, archive, heldBy }: World,
  { cut, realm, isStrict = false }: Asked,
  onProgress: (progress: VerifyProgress) => void = () => undefined,
): Promise<Verified> {
  const flaws: Omit<Flaw, 'heldBy'>[] = []
  let flawed = 0
  const note = (flaw: Omit<Flaw, 'heldBy' | 'fault'>, error: unknown): void => {
    if (isStrict || !isFault(error)) throw error
    flawed++
    if (flaws.length < flawsMost) flaws.push({ ...flaw, fault: storedFaultOf(error) })
  }
  const report = async (counts: Omit<Verified, 'cut' | 'flaws' | 'flawed'>): Promise<Verified> => {
    const held = flaws.length === 0 ? undefined : await heldBy?.(flaws.map(({ name }) => name))
    return { cut, ...counts, flawed, flaws: flaws.map((flaw) => ({ ...flaw, heldBy: held?.get(flaw.name) ?? [] })) }
  }

  let manifest: CutManifest
  try {
    manifest = await manifestOf(source, cut, realm)
    checkSignature(archive, manifest)
    if (manifest.id !== cut) throw damaged('manifest', cut, `it is the manifest of ${manifest.id}`)
  } catch (error) {
    note({ what: 'manifest', name: cutNames.manifest(cut), partition: undefined }, error)
    return await report({ documents: 1, segments: 0, bytes: 0, actors: 0 })
  }

  const wanted = new Map<string, Wanted>(
    looseSegmentsOf(manifest).map((ref) => [ref.id, { ref, partition: undefined }]),
  )
  for (const { partition, hash } of manifest.slices) {
    try {
      const bytes = await sliceBytesOf(source, archive, { cut, partition, hash })
      for (const ref of segmentsOf(decodeSlice(bytes))) wanted.set(ref.id, { ref, partition })
    } catch (error) {
      note({ what: 'slice', name: cutNames.slice(cut, partition), partition }, error)
    }
  }

  let done = 0
  let bytes = 0
  for (const { ref, partition } of wanted.values()) {
    try {
      bytes += await checkSegment(source, archive, ref)
    } catch (error) {
      note({ what: 'segment', name: cutNames.segment(ref.id), partition }, error)
    }
    onProgress({ done: ++done, of: wanted.size })
  }
  const actors = manifest.slices.reduce((sum, slice) => sum + slice.actors, 0)
  return await report({ documents: 1 + manifest.slices.length, segments: wanted.size, bytes, actors })
}

async function checkSegment(source: CutSource, archive: World['archive'], ref: SegmentRef): Promise<number> {
  const bytes = await segmentIn(source, ref.id)
  const rows = await archive.rowsIn(ref.id, bytes)
  if (rows.length !== ref.rows)
    throw damaged('segment', ref.id, `it holds ${rows.length} rows, and ${ref.rows} are named`)
  if (bytes.length !== ref.bytes)
    throw damaged('segment', ref.id, `it has ${bytes.length} bytes, and ${ref.bytes} are named`)
  return bytes.length
}
