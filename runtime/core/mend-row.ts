/**
 * What stands on `commit.mended`: the table of a log that lost its end, and from which mendings it
 * came. It serves the clause "how far it has read". Pure. Invariants: it is the first of each batch
 * of entries that are appended again, so these never stand on the log without it, and it is lost
 * with them; of two tables one tells whether whoever made the other knew it.
 */
import { decode, encode } from '#protocol/codec.ts'
import { Fault } from '#protocol/fault.ts'
import type { Incarnations, Mend, Piece } from './incarnations.ts'

/** What the last mending did, for those who ask. */
export type MendReport = {
  readonly from: number
  readonly to: number
  readonly entries: number
  readonly missing: number
  readonly at: number
  readonly node: string
}

/** A mending, by an id of its own: the log may forget one, and another takes its number. */
export type Ancestor = readonly [incarnation: number, id: string]

export type MendRow = Incarnations & {
  /** All mendings that it goes on from, with its own as the last. */
  readonly lineage: readonly Ancestor[]
  /** Another batch follows: nobody claims. */
  readonly isOpen: boolean
  readonly report: MendReport
}

/** No row at all comes before every other. */
export type Table = MendRow | undefined

/** What stood before a mending that nobody ended: nobody folded anything by its table yet. */
export function endedBefore(table: Table): Table {
  return table?.isOpen === true ? { ...table, lineage: table.lineage.slice(0, -1) } : table
}

/** Whether this table goes on from that one, or is the same. */
export function goesOnFrom(table: Table, earlier: Table): boolean {
  const lineage = table?.lineage ?? []
  return (earlier?.lineage ?? []).every(([, id], at) => lineage[at]?.[1] === id)
}

export function isSameTable(one: Table, other: Table): boolean {
  return goesOnFrom(one, other) && goesOnFrom(other, one)
}

/** The one that goes furthest among those that go on from the first. */
export function furthestOf(first: Table, ...others: readonly Table[]): Table {
  // Of two that are the same the first may be one of its beginning, the other is its end.
  return others.reduce<Table>((best, one) => (one !== undefined && goesOnFrom(one, best) ? one : best), first)
}

/** Up to this incarnation both give every position the same meaning. */
export function commonIncarnation(one: Table, other: Table): number {
  let common = 0
  for (const [at, [incarnation, id]] of (one?.lineage ?? []).entries()) {
    if (other?.lineage[at]?.[1] !== id) break
    common = incarnation
  }
  return common
}

const format = 1

/** `batch`: the positions of the entries that stand right behind the row, in their order. */
export function encodeMendRow(row: MendRow, batch: readonly number[]): Uint8Array {
  const own: [number, number, number][] = []
  batch.forEach((position, at) => {
    const last = own.at(-1)
    if (last !== undefined && last[1] + last[2] === position) last[2]++
    else own.push([at + 1, position, 1])
  })
  const { from, to, entries, missing, at, node } = row.report
  const report = [from, to, entries, missing, at, node]
  return encode([format, row.isOpen, row.mends, row.pieces, own, report, row.lineage])
}

export function decodeMendRow(bytes: Uint8Array, seq: number): MendRow {
  const fields = decode(bytes)
  if (!Array.isArray(fields) || fields[0] !== format) throw new Fault('mend.unknown', { size: bytes.length })
  const [, isOpen, mends, pieces, own, report, lineage] = fields as [
    number,
    boolean,
    Mend[],
    Piece[],
    [number, number, number][],
    [number, number, number, number, number, string],
    Ancestor[] | undefined,
  ]
  const [from, to, entries, missing, at, node] = report
  const added = own.map(([on, position, count]): Piece => [seq + on, position, count])
  return {
    isOpen,
    mends,
    pieces: [...pieces, ...added],
    // Of a release that wrote none, the numbers have to do.
    lineage: lineage ?? mends.map(([, incarnation]) => [incarnation, String(incarnation)]),
    report: { from, to, entries, missing, at, node },
  }
}
