/**
 * Takes a cut in from a file: then it is one of the realm's own. It serves "import". Invariants: all
 * of it is verified before anything is stored; it exists once all of it is in the object store; one
 * that dies in between is given up after a while, and what it left is swept.
 */
import { cutNames, type CutNote } from '#protocol/cut.ts'
import { Fault } from '#protocol/fault.ts'
import type { Archive } from '#store/archive.ts'
import type { Bus } from '#runtime/bus.ts'
import { type Clock, pause } from '#runtime/clock.ts'
import type { CutFile } from '#runtime/cuts/reading/cut-file.ts'
import type { CutShelf } from '#runtime/cuts/reading/cut-shelf.ts'
import { outlineOf, type Outline, segmentBytesOf } from '#runtime/cuts/reading/cut-source.ts'
import { inOrder } from '#runtime/cuts/reading/in-order.ts'
import { keepMost } from '#runtime/cuts/taking/record-slice.ts'
import { sweepLostMs, sweptSince } from './sweep.ts'
import { sumsOf } from '#runtime/cuts/reading/cut-sums.ts'
import { giveUp } from '#runtime/cuts/taking/take-cut.ts'
import { verifyCut } from '#runtime/cuts/reading/verify-cut.ts'

type World = {
  readonly bus: Bus
  readonly clock: Clock
  readonly archive: Archive
  readonly shelf: Pick<CutShelf, 'note' | 'setNote' | 'changeNote'>
}

export type ImportProgress = { readonly is: 'verified' | 'stored'; readonly done: number; readonly of: number }

type Options = { readonly node: string; readonly onProgress?: (progress: ImportProgress) => void }

/** Without a sign of life for so long it is given up. */
const deadlineMs = 120_000
const waitMs = 250
/** Segments between two looks at the clock. */
const portion = 4 * keepMost

export async function importCut(world: World, file: CutFile, { node, onProgress }: Options): Promise<CutNote> {
  const { bus, clock, shelf } = world
  const outline = await verified(world, file, onProgress)
  const known = await shelf.note(file.id)
  if (known?.state === 'whole') return known
  if (known !== undefined && known.state !== 'removed' && known.state !== 'abandoned')
    throw new Fault('cut.unready', { value: file.id, state: known.state })
  const { revision } = await bus.notes.entry(cutNames.note(file.id))
  let note: CutNote = noteOf(outline, { node, now: clock.now() })
  let at = await shelf.setNote(note, revision)
  try {
    await untilUnswept(world)
    let done = 0
    const ids = [...outline.segments.keys()]
    const store = async (id: string): Promise<void> => {
      await bus.cuts.put(cutNames.segment(id), await segmentBytesOf(file.source, world.archive, id))
      onProgress?.({ is: 'stored', done: ++done, of: ids.length })
    }
    for (let from = 0; from < ids.length; from += portion) {
      await inOrder(ids.slice(from, from + portion), store, keepMost)
      if (note.deadline - clock.now() > deadlineMs / 2) continue
      note = { ...note, at: clock.now(), deadline: clock.now() + deadlineMs }
      at = await shelf.setNote(note, at)
    }
    // The manifest is the first of them, and is stored last.
    for (const [name, bytes] of [...outline.documents].toReversed()) await bus.cuts.put(name, bytes)
    note = { ...note, ...sumsOf(outline.manifest), state: 'whole', at: outline.manifest.wholeAt }
    await shelf.setNote(note, at)
    return note
  } catch (error) {
    const reason = `its import ended early: ${error instanceof Error ? error.message : String(error)}`
    await giveUp(shelf, file.id, { at: clock.now(), reason }).catch(() => undefined)
    throw error
  }
}

/** With a key, all of it opens; without one, each part is what it was when it was taken. */
async function verified({ bus, archive }: World, file: CutFile, onProgress: Options['onProgress']): Promise<Outline> {
  const named = { cut: file.id, realm: bus.realm.name }
  const outline = await outlineOf(file.source, archive, named)
  const { realm } = outline.manifest
  if (realm !== bus.realm.name) throw new Fault('cut.otherRealm', { value: file.id, have: realm, want: bus.realm.name })
  if (archive.keyName === undefined) {
    for (const id of outline.segments.keys()) await segmentBytesOf(file.source, archive, id)
    return outline
  }
  await verifyCut({ source: file.source, archive }, { ...named, isStrict: true }, ({ done, of }) =>
    onProgress?.({ is: 'verified', done, of }),
  )
  return outline
}

function noteOf({ manifest }: Outline, { node, now }: { readonly node: string; readonly now: number }): CutNote {
  const { id, name, begunAt, generation } = manifest
  return {
    ...{ id, name, begunAt, generation, node },
    state: 'begun',
    at: now,
    actors: 0,
    inFlight: 0,
    added: 0,
    bytes: 0,
    reason: undefined,
    by: 'import',
    deadline: now + deadlineMs,
  }
}

/** What is swept now was of no use before this cut came back. */
async function untilUnswept({ bus, clock }: World): Promise<void> {
  for (;;) {
    const since = await sweptSince(bus.notes)
    if (since === undefined || clock.now() - since > sweepLostMs) return
    await pause(clock, waitMs)
  }
}
