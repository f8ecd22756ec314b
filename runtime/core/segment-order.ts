/**
 * Segments of a log in the order of their positions, made once for many questions. It serves the
 * clause "how far it has read". Pure. Invariant: no question goes through all segments, because a
 * restored log has as many as there were emitted events in flight, and nodes ask for each entry.
 */

/** Sequences in a row whose positions are in a row. */
export type Segment = {
  readonly seq: number
  readonly position: number
  readonly count: number
  readonly isPiece: boolean
}

/** One reading of the log from front to back that hands on the positions in between. */
export type Pass = { readonly from: number; readonly to: number; readonly least: number; readonly most: number }

/** From a position on; nothing where none of these segments reaches it. */
export type PassFrom = (position: number) => Pass | undefined

/** The last sequence before which none of these segments has a position after this one. */
export type BoundOf = (position: number) => number

/** `segments` rise in positions and in sequences. */
export function passOver(segments: readonly Segment[]): PassFrom {
  const reached = reachedBy(segments)
  /** How far the segments from each on reach. */
  const reachable = backwards(segments, (far, one) => Math.max(far, endOf(one)), 0)
  return (position) => {
    const first = segments[firstOf(segments.length, (at) => (reached[at] as number) > position)]
    const last = segments[firstOf(segments.length, (at) => (reachable[at] as number) <= position) - 1]
    if (first === undefined || last === undefined) return undefined
    const least = Math.max(first.position, position)
    const from = first.seq + (least - first.position)
    return { from, to: last.seq + last.count - 1, least, most: endOf(last) - 1 }
  }
}

/** `segments` rise in positions; where they overlap, all that hold a position are looked at. */
export function boundOver(segments: readonly Segment[]): BoundOf {
  const reached = reachedBy(segments)
  const lowest = backwards(segments, (low, { seq }) => Math.min(low, seq), Number.POSITIVE_INFINITY)
  return (position) => {
    const behind = firstOf(segments.length, (at) => (segments[at] as Segment).position > position)
    let bound = (lowest[behind] ?? Number.POSITIVE_INFINITY) - 1
    for (let at = behind - 1; at >= 0 && (reached[at] as number) - 1 > position; at--) {
      const one = segments[at] as Segment
      if (endOf(one) - 1 > position) bound = Math.min(bound, one.seq + position - one.position)
    }
    return bound
  }
}

/** The last of them that begins there or before; -1 for none. */
export function lastAtOrBelow(segments: readonly Segment[], value: number, by: 'seq' | 'position'): number {
  return firstOf(segments.length, (at) => (segments[at] as Segment)[by] > value) - 1
}

function endOf({ position, count }: Segment): number {
  return position + count
}

/** How far the segments up to each reach. */
function reachedBy(segments: readonly Segment[]): Float64Array {
  const reached = new Float64Array(segments.length)
  let far = 0
  segments.forEach((one, at) => (reached[at] = far = Math.max(far, endOf(one))))
  return reached
}

function backwards(
  segments: readonly Segment[],
  next: (so: number, one: Segment) => number,
  start: number,
): Float64Array {
  const results = new Float64Array(segments.length)
  let so = start
  for (let at = segments.length - 1; at >= 0; at--) results[at] = so = next(so, segments[at] as Segment)
  return results
}

/** The first of so many for which this holds, as it does for all behind it; as many as there are when for none. */
function firstOf(count: number, holds: (at: number) => boolean): number {
  let low = 0
  let high = count
  while (low < high) {
    const middle = (low + high) >>> 1
    if (holds(middle)) high = middle
    else low = middle + 1
  }
  return low
}
