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
  decodeManifest,
  decodeSlice,
  encodeCutNote,
  type SegmentRef,
} from '#protocol/cut.ts'
import { Fault } from '#protocol/fault.ts'
import type { Archive } from '#store/archive.ts'
import type { Bus } from '#runtime/bus.ts'
import type { Bundle } from './bundles.ts'

export type CutShelf = {
  keep(bundle: Bundle): Promise<SegmentRef>
  keepDocument(name: string, bytes: Uint8Array): Promise<void>
  /** From here or from the object store; kept here from then on. */
  rows(ref: SegmentRef): Promise<readonly unknown[]>
  document(name: string): Promise<Uint8Array | undefined>
  slice(cut: string, partition: number): Promise<CutSlice | undefined>
  /** Verified: its signature, and nothing else yet. */
  manifest(cut: string): Promise<CutManifest>
  note(cut: string): Promise<CutNote | undefined>
  setNote(note: CutNote): Promise<void>
  /** Of all cuts, the newest last. */
  notes(): Promise<readonly CutNote[]>
  isWhole(cut: string): Promise<boolean>
}

export function cutShelfOf({ bus, archive }: { readonly bus: Bus; readonly archive: Archive }): CutShelf {
  /** What was whole once stays so until it is removed, and nobody builds on one that is. */
  const whole = new Set<string>()

  async function document(name: string): Promise<Uint8Array | undefined> {
    const here = archive.documents.get(name)
    if (here !== undefined) return here
    const there = await bus.cuts.get(name)
    if (there !== undefined) await archive.documents.put(name, there)
    return there
  }

  const shelf: CutShelf = {
    async keep({ rows, first, last }) {
      const ref = await archive.put(rows, { first, last })
      await bus.cuts.put(cutNames.segment(ref.id), archive.bytes(ref.id) as Uint8Array)
      return ref
    },
    async keepDocument(name, bytes) {
      await archive.documents.put(name, bytes)
      await bus.cuts.put(name, bytes)
    },
    async rows(ref) {
      const here = await archive.rows(ref)
      if (here !== undefined) return here
      const there = await bus.cuts.get(cutNames.segment(ref.id))
      if (there === undefined) throw new Fault('cut.missing', { what: 'segment', value: ref.id })
      await archive.take(ref.id, there)
      return (await archive.rows(ref)) as readonly unknown[]
    },
    document,
    async slice(cut, partition) {
      const bytes = await document(cutNames.slice(cut, partition))
      return bytes === undefined ? undefined : decodeSlice(bytes)
    },
    async manifest(cut) {
      const bytes = await document(cutNames.manifest(cut))
      if (bytes === undefined) throw new Fault('cut.unknown', { value: cut, realm: bus.realm.name })
      return decodeManifest(bytes)
    },
    async note(cut) {
      const bytes = await bus.notes.get(cutNames.note(cut))
      return bytes === undefined || bytes.length === 0 ? undefined : decodeCutNote(bytes)
    },
    async setNote(note) {
      await bus.notes.put(cutNames.note(note.id), encodeCutNote(note))
    },
    async notes() {
      const keys = (await bus.notes.keys()).filter((key) => key.startsWith(cutNames.note('')))
      const found = await Promise.all(keys.map((key) => bus.notes.get(key)))
      return found
        .flatMap((bytes) => (bytes === undefined || bytes.length === 0 ? [] : [decodeCutNote(bytes)]))
        .toSorted((a, b) => a.begunAt - b.begunAt)
    },
    async isWhole(cut) {
      if (whole.has(cut)) return true
      const note = await shelf.note(cut)
      if (note?.state === 'whole') whole.add(cut)
      return note?.state === 'whole'
    },
  }
  return shelf
}
