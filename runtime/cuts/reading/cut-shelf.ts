/**
 * Where cuts are kept: in this machine's archive and, as a copy that outlives it, in the object
 * store; notes about them in the registry. It serves "durable in LMDB and copied to the object
 * store". Invariant: what `keep` resolves for is in both; what is read was checked against its name.
 */
import {
  type CutManifest,
  cutNames,
  type CutNote,
  type CutSlice,
  decodeCutNote,
  decodeSlice,
  encodeCutNote,
  type SegmentRef,
} from '#protocol/cut.ts'
import type { Archive } from '#store/archive.ts'
import type { Bus } from '#runtime/bus.ts'
import { changeEntry } from '#runtime/change-entry.ts'
import type { Bundle } from '#protocol/bundle.ts'
import { archivedSource, eitherSource, manifestOf, readingOf, segmentIn, storedSource } from './cut-source.ts'

export type CutShelf = {
  keep(bundle: Bundle): Promise<SegmentRef>
  keepDocument(name: string, bytes: Uint8Array): Promise<void>
  /** From here or from the object store; kept here from then on. */
  rows(ref: SegmentRef): Promise<readonly unknown[]>
  /** The same as it is stored, checked against its name; it stays where it is. */
  bytes(ref: SegmentRef): Promise<Uint8Array>
  /** Whether it is there and is what its name says; its rows are not read. */
  opens(ref: SegmentRef): Promise<void>
  document(name: string): Promise<Uint8Array | undefined>
  slice(cut: string, partition: number): Promise<CutSlice | undefined>
  /** Verified: its signature, and nothing else yet. */
  manifest(cut: string): Promise<CutManifest>
  note(cut: string): Promise<CutNote | undefined>
  /** Over that revision, if one is given; the new one. */
  setNote(note: CutNote, revision?: number): Promise<number>
  /** What the note becomes while it is so; nothing when it is not, or not any more. */
  changeNote(cut: string, next: (note: CutNote) => CutNote | undefined): Promise<CutNote | undefined>
  /** Of all cuts, the newest last. */
  notes(): Promise<readonly CutNote[]>
  isWhole(cut: string): Promise<boolean>
}

export function cutShelfOf({ bus, archive }: { readonly bus: Bus; readonly archive: Archive }): CutShelf {
  const { name: realm } = bus.realm
  const stored = storedSource(bus.cuts)
  const { bytes, opens } = readingOf(eitherSource(archivedSource(archive), stored), archive, realm)

  async function document(name: string): Promise<Uint8Array | undefined> {
    const here = archive.documents.get(name)
    if (here !== undefined) return here
    const there = await bus.cuts.get(name)
    if (there !== undefined) await archive.documents.put(name, there)
    return there
  }

  const shelf: CutShelf = {
    async keep(bundle) {
      const { ref, bytes, keep, letGo } = await archive.pack(bundle)
      await Promise.all([keep(), bus.cuts.add(cutNames.segment(ref.id), bytes, ref.id)])
      letGo()
      return ref
    },
    async keepDocument(name, bytes) {
      await Promise.all([archive.documents.put(name, bytes), bus.cuts.put(name, bytes)])
    },
    async rows(ref) {
      const here = await archive.rows(ref)
      if (here !== undefined) return here
      await archive.take(ref.id, await segmentIn(stored, ref.id))
      return (await archive.rows(ref)) as readonly unknown[]
    },
    bytes,
    opens,
    document,
    async slice(cut, partition) {
      const bytes = await document(cutNames.slice(cut, partition))
      return bytes === undefined ? undefined : decodeSlice(bytes)
    },
    manifest: (cut) => manifestOf({ document }, cut, realm),
    async note(cut) {
      const bytes = await bus.notes.get(cutNames.note(cut))
      return bytes && decodeCutNote(bytes)
    },
    setNote: (note, revision) => bus.notes.put(cutNames.note(note.id), encodeCutNote(note), revision),
    async changeNote(cut, next) {
      let changed: CutNote | undefined
      await changeEntry(bus.notes, cutNames.note(cut), (value) => {
        changed = value && next(decodeCutNote(value))
        return changed && encodeCutNote(changed)
      })
      return changed
    },
    async notes() {
      const found = await bus.notes.all(cutNames.note(''))
      return found.map(([, bytes]) => decodeCutNote(bytes)).toSorted((a, b) => a.begunAt - b.begunAt)
    },
    // Never remembered: from the moment at which it is removed nobody may build on it.
    isWhole: async (cut) => (await shelf.note(cut))?.state === 'whole',
  }
  return shelf
}
