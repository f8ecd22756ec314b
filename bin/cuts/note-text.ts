/** What is known of a cut in short, for people and for programs. */
import type { CutNote } from '#protocol/cut.ts'

export function noteJson(note: CutNote): object {
  const { id, name, state, begunAt, at, node, generation, actors, inFlight, added, bytes, reason, by } = note
  const forks = note.heldBy?.length === 0 ? undefined : note.heldBy
  return { id, name, state, begunAt, at, by, node, generation, actors, inFlight, added, bytes, reason, forks }
}

/** Why it cannot be removed; nothing where it can. */
export function keptText({ heldBy = [] }: CutNote): string | undefined {
  return heldBy.length === 0 ? undefined : `kept for the fork ${heldBy.join(', ')}`
}

/** Nobody goes on with it: whoever took it has ended. */
export function stateOf({ state, deadline }: CutNote, now: number): string {
  const isOpen = state === 'begun' || state === 'recorded'
  return isOpen && now > deadline ? 'abandoned' : state
}
