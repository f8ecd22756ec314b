/**
 * Positions on a log that may forget: a position is the pair (incarnation, sequence) in one number.
 * It serves the clause "how far it has read". Invariants: a position names one entry for ever; what
 * was lost and appended again keeps the position that it had; in the order of positions nothing of
 * a later incarnation comes before something of an earlier one. Pure.
 *
 * The first incarnation is 0, so on a log that never lost anything a position is a sequence.
 */

import { boundOver, lastAtOrBelow, type Pass, passOver, type Segment } from './segment-order.ts'

/** Entries of one incarnation; a stream of a million entries a second fills it in twelve days. */
const span = 2 ** 40

/** Entries in a row that were appended again: their sequence now, the position of the first, their count. */
export type Piece = readonly [seq: number, position: number, count: number]

/** After this sequence the log lost what it had, and goes on as this incarnation. */
export type Mend = readonly [after: number, incarnation: number]

export type Incarnations = {
  readonly mends: readonly Mend[]
  readonly pieces: readonly Piece[]
}

export const untouched: Incarnations = { mends: [], pieces: [] }

/** The table as it is when everything behind that sequence is gone, and what comes belongs to a new incarnation. */
export function tableAfter({ mends, pieces }: Incarnations, after: number, incarnation: number): Incarnations {
  return {
    mends: [...mends.filter(([before]) => before < after), [after, incarnation]],
    pieces: pieces.flatMap(([seq, position, count]) => {
      const kept = Math.min(count, after - seq + 1)
      return kept > 0 ? [[seq, position, kept] as const] : []
    }),
  }
}

export type Places = {
  readonly table: Incarnations
  readonly incarnation: number
  positionOf(seq: number): number
  /** Whether what stands there was lost and appended again. */
  isAgain(seq: number): boolean
  /** Nothing where no entry of that position can be. */
  seqOf(position: number): number | undefined
  /** Readings that hand on everything at or after a position, in the order of positions. */
  passesFrom(position: number): readonly Pass[]
  /** The last sequence at or before which nothing has a position after this one. */
  boundOf(position: number): number
}

export function positionAt(incarnation: number, seq: number): number {
  return incarnation * span + seq
}

/** Where it stood when it was not appended again yet. */
export function sequenceIn(position: number): number {
  return position % span
}

export function incarnationOf(position: number): number {
  return Math.floor(position / span)
}

export function placesOf(table: Incarnations): Places {
  const bySeq = segmentsOf(table)
  const byPosition = bySeq.toSorted((a, b) => a.position - b.position)
  const passes = groupsOf(byPosition).map(passOver)
  // Among their own kind none overlaps another; a piece may lie where a log that was replaced had plain entries.
  const bounds = [true, false].map((isPiece) => boundOver(byPosition.filter((one) => one.isPiece === isPiece)))
  const incarnation = table.mends.at(-1)?.[1] ?? 0

  function seqOf(position: number): number | undefined {
    const found = byPosition[lastAtOrBelow(byPosition, position, 'position')]
    return found !== undefined && position < found.position + found.count
      ? found.seq + (position - found.position)
      : undefined
  }

  const segmentAt = (seq: number): Segment => bySeq[Math.max(0, lastAtOrBelow(bySeq, seq, 'seq'))] as Segment

  return {
    table,
    incarnation,
    positionOf(seq) {
      if (bySeq.length === 1) return seq
      const found = segmentAt(seq)
      return found.position + (seq - found.seq)
    },
    isAgain: (seq) => segmentAt(seq).isPiece,
    seqOf: (position) => (bySeq.length === 1 ? position : seqOf(position)),
    passesFrom: (position) =>
      passes.flatMap((passFrom) => {
        const pass = passFrom(position)
        return pass === undefined ? [] : [pass]
      }),
    boundOf: (position) => Math.min(...bounds.map((boundOf) => boundOf(position))),
  }
}

/** In the order of sequences, from 0; the last goes on for ever. */
function segmentsOf({ mends, pieces }: Incarnations): Segment[] {
  const segments: Segment[] = []
  const coming = mends.toSorted(([one], [other]) => one - other).values()
  let mend = coming.next().value
  let begin = 0
  let incarnation = 0

  /** Plain entries of one incarnation, around the pieces. */
  function fill(until: number): void {
    if (until > begin)
      segments.push({ seq: begin, position: positionAt(incarnation, begin), count: until - begin, isPiece: false })
    begin = Math.max(begin, until)
  }

  function fillUpTo(seq: number): void {
    for (; mend !== undefined && mend[0] < seq; mend = coming.next().value) {
      fill(mend[0] + 1)
      incarnation = mend[1]
    }
    fill(seq)
  }

  for (const [seq, position, count] of pieces.toSorted(([one], [other]) => one - other)) {
    fillUpTo(seq)
    segments.push({ seq, position, count, isPiece: true })
    begin = seq + count
  }
  fillUpTo(span)
  return segments
}

/** As far as positions and sequences rise together, one reading serves. */
function groupsOf(segments: readonly Segment[]): Segment[][] {
  const groups: Segment[][] = []
  for (const one of segments) {
    const group = groups.at(-1)
    if (group === undefined || (group.at(-1) as Segment).seq > one.seq) groups.push([one])
    else group.push(one)
  }
  return groups
}
