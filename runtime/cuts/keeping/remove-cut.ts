/**
 * Removes a cut: it is in no list from then on, nobody opens it, and no slice is built on it; its
 * bytes go later, with the sweep. Invariant: one that is being made is not removed, so its maker
 * never writes into what is swept.
 */
import type { CutNote } from '#protocol/cut.ts'
import { Fault } from '#protocol/fault.ts'
import type { CutShelf } from '#runtime/cuts/reading/cut-shelf.ts'
import { isHeld } from './hold-cut.ts'

type Why = { readonly realm: string; readonly at: number }

export async function removeCut(
  shelf: Pick<CutShelf, 'changeNote' | 'note'>,
  cut: string,
  { realm, at }: Why,
): Promise<CutNote> {
  const removed = await shelf.changeNote(cut, (note) => {
    if (note.state === 'removed') return undefined
    if (isHeld(note)) throw new Fault('cut.held', { value: cut, forks: (note.heldBy ?? []).join(', ') })
    const isOpen = note.state === 'begun' || note.state === 'recorded'
    if (isOpen && at <= note.deadline) throw new Fault('cut.unready', { value: cut, state: note.state })
    return { ...note, state: 'removed', at }
  })
  if (removed === undefined) throw new Fault('cut.unknown', { value: cut, realm })
  return removed
}
