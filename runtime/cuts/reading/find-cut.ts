/** Which cut somebody means: its id, the name that it was given (then the newest of that name), or `last`. */
import type { CutNote } from '#protocol/cut.ts'
import { Fault } from '#protocol/fault.ts'

/** Also one that was abandoned. */
export function anyCut(notes: readonly CutNote[], cut: string, realm: string): CutNote {
  const known = notes.filter(({ state }) => state !== 'removed')
  const found =
    known.find(({ id }) => id === cut) ??
    known.findLast(({ name, state }) => state === 'whole' && (cut === 'last' || name === cut))
  if (found === undefined) throw new Fault('cut.unknown', { value: cut, realm })
  return found
}

export function findCut(notes: readonly CutNote[], cut: string, realm: string): CutNote {
  const found = anyCut(notes, cut, realm)
  if (found.state === 'abandoned')
    throw new Fault('cut.abandoned', { value: found.id, reason: found.reason ?? 'its maker ended' })
  return found
}
