/**
 * Of the segments of a slice those that are worth reading for a question. It serves "evaluated on every
 * cut". Pure. Invariant: of a row that is given out the newest layer speaks, so a segment that may hide
 * rows of a wanted one below it is read, wanted or not.
 */
import type { Layer, SegmentRef } from '#protocol/cut.ts'

export type IsWanted = (ref: SegmentRef) => boolean

export function wantedOf(layers: readonly Layer[], isWanted: IsWanted): readonly Layer[] {
  const below: SegmentRef[] = []
  return layers
    .toReversed()
    .map((layer) => {
      const kept = layer.filter((ref) => isWanted(ref) || below.some((one) => overlap(one, ref)))
      below.push(...kept.filter(isWanted))
      return kept
    })
    .toReversed()
}

/** Actors of a kind lie behind each other. */
export function ofKind(kind: string): IsWanted {
  const [start, end] = [`${kind}/`, `${kind}0`]
  return ({ first, last }) => first < end && last >= start
}

export const notQuiet: IsWanted = ({ quiet }) => quiet !== true

function overlap(one: SegmentRef, other: SegmentRef): boolean {
  return one.first <= other.last && other.first <= one.last
}
