/**
 * Positions on a log that may forget: a position is the pair (incarnation, sequence) in one number.
 * It serves the clause "how far it has read". Invariants: a position names one entry for ever; what
 * was lost and appended again keeps the position that it had; in the order of positions nothing of
 * a later incarnation comes before something of an earlier one. Pure.
 *
 * The first incarnation is 0, so on a log that never lost anything a position is a sequence.
 */

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

/** Sequences in a row whose positions are in a row; the last goes on for ever. */
type Segment = {
  readonly seq: number
  readonly position: number
  readonly count: number
  readonly isPiece: boolean
}

/** One reading of the log from front to back that hands on the positions in between. */
export type Pass = { readonly from: number; readonly to: number; readonly least: number; readonly most: number }

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
  const groups = groupsOf(byPosition)
  const incarnation = table.mends.at(-1)?.[1] ?? 0

  function seqOf(position: number): number | undefined {
    const found = byPosition[lastAtOrBelow(byPosition, position, 'position')]
    return found !== undefined && position < found.position + found.count
      ? found.seq + (position - found.position)
      : undefined
  }

  return {
    table,
    incarnation,
    positionOf(seq) {
      if (bySeq.length === 1) return seq
      const found = bySeq[Math.max(0, lastAtOrBelow(bySeq, seq, 'seq'))] as Segment
      return found.position + (seq - found.seq)
    },
    isAgain: (seq) => bySeq[Math.max(0, lastAtOrBelow(bySeq, seq, 'seq'))]?.isPiece === true,
    seqOf: (position) => (bySeq.length === 1 ? position : seqOf(position)),
    passesFrom(position) {
      return groups.flatMap((group) => {
        const wanted = group.filter((one) => one.position + one.count > position)
        const [first] = wanted
        const last = wanted.at(-1)
        if (first === undefined || last === undefined) return []
        const least = Math.max(first.position, position)
        const from = first.seq + (least - first.position)
        return [{ from, to: last.seq + last.count - 1, least, most: last.position + last.count - 1 }]
      })
    },
    boundOf(position) {
      let bound = Number.POSITIVE_INFINITY
      for (const { seq, position: begin, count } of bySeq)
        if (begin + count - 1 > position) bound = Math.min(bound, seq + Math.max(0, position - begin + 1) - 1)
      return bound
    },
  }
}

/** In the order of sequences, from 0 to the end of all. */
function segmentsOf({ mends, pieces }: Incarnations): Segment[] {
  const segments: Segment[] = []
  let begin = 0
  let incarnation = 0
  /** Plain entries of one incarnation, around the pieces. */
  const fill = (until: number): void => {
    if (until > begin)
      segments.push({ seq: begin, position: positionAt(incarnation, begin), count: until - begin, isPiece: false })
    begin = Math.max(begin, until)
  }
  const cuts = [
    ...mends.map(([after, next]) => ({ at: after + 1, run: () => void (incarnation = next) })),
    ...pieces.map(([seq, position, count]) => ({
      at: seq,
      run() {
        segments.push({ seq, position, count, isPiece: true })
        begin = seq + count
      },
    })),
  ].toSorted((a, b) => a.at - b.at)
  for (const { at, run } of cuts) {
    fill(at)
    run()
  }
  fill(span)
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

function lastAtOrBelow(segments: readonly Segment[], value: number, by: 'seq' | 'position'): number {
  let low = -1
  let high = segments.length - 1
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    if ((segments[middle] as Segment)[by] <= value) low = middle
    else high = middle - 1
  }
  return low
}
