/**
 * A fork holds the cut that it began with. It serves "the parent's cut may not be swept while a fork
 * refers to it". Invariant: who holds it stands in the cut's own note, so of a removal and a hold
 * that come together one sees the other.
 */
import type { CutNote } from '#protocol/cut.ts'
import { Fault } from '#protocol/fault.ts'
import type { CutShelf } from '#runtime/cuts/reading/cut-shelf.ts'

type Notes = Pick<CutShelf, 'changeNote' | 'notes'>

export function isHeld({ heldBy = [] }: Pick<CutNote, 'heldBy'>): boolean {
  return heldBy.length > 0
}

type Holder = { readonly fork: string; readonly realm: string }

/** Refused when it was removed meanwhile. */
export async function holdCut(shelf: Notes, cut: string, { fork, realm }: Holder): Promise<void> {
  const held = await shelf.changeNote(cut, (note) =>
    note.state === 'whole' ? { ...note, heldBy: [...new Set([...(note.heldBy ?? []), fork])] } : undefined,
  )
  if (held === undefined) throw new Fault('cut.unknown', { value: cut, realm })
}

/** Of every cut; says of which. */
export async function letCutsGo(shelf: Notes, fork: string): Promise<readonly string[]> {
  const ids: string[] = []
  for (const { id, heldBy } of await shelf.notes()) {
    if (heldBy?.includes(fork) !== true) continue
    await shelf.changeNote(id, (note) => ({ ...note, heldBy: (note.heldBy ?? []).filter((one) => one !== fork) }))
    ids.push(id)
  }
  return ids
}
