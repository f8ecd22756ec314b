/**
 * What invariants kept at the cuts before one. It serves "declared predicates are evaluated on every
 * cut", for those that speak of more than one instant. Invariants: only earlier cuts of the same
 * generation speak, also when one is looked at late; no cut is opened for it.
 */
import type { CutCheck } from '#protocol/cut-check.ts'
import type { CutManifest } from '#protocol/cut.ts'
import type { CutShelf } from './cut-shelf.ts'
import type { Invariant } from './invariant.ts'

/** By the names of the invariants. */
export type Kept = ReadonlyMap<string, unknown>

type World = {
  readonly shelf: Pick<CutShelf, 'notes'>
  readonly checked: (cut: string) => Promise<CutCheck | undefined>
}

export async function keptBefore(
  { shelf, checked }: World,
  { begunAt, generation }: Pick<CutManifest, 'begunAt' | 'generation'>,
  invariants: readonly Invariant[],
): Promise<Kept> {
  const kept = new Map<string, unknown>()
  const isOpen = ({ name }: Invariant): boolean => !kept.has(name)
  if (invariants.length === 0) return kept
  const notes = await shelf.notes()
  const earlier = notes.filter((note) => note.generation === generation && note.begunAt < begunAt)
  for (const { id } of earlier.toReversed()) {
    if (!invariants.some(isOpen)) break
    const check = await checked(id)
    if (check !== undefined) for (const [name, value] of keptIn(check, invariants.filter(isOpen))) kept.set(name, value)
  }
  return kept
}

/** Of those that were held against it; with a fault nothing was kept, so the cut before it speaks. */
export function keptIn({ invariants: results }: Pick<CutCheck, 'invariants'>, invariants: readonly Invariant[]): Kept {
  const asked = new Set(invariants.map(({ name }) => name))
  const known = results.filter(({ name, fault }) => fault === undefined && asked.has(name))
  return new Map(known.map(({ name, kept }) => [name, kept]))
}
