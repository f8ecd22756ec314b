/**
 * What stands on `commit.mended`: the table of a log that lost its end, and from which mendings it
 * came. It serves the clause "how far it has read". Pure. Invariants: it is the first of each batch
 * of entries that are appended again, so these never stand on the log without it, and it is lost
 * with them; of two tables one tells whether whoever made the other knew it.
 */
import { decode, encode } from '#protocol/codec.ts'
import { Fault } from '#protocol/fault.ts'
import type { Incarnations, Mend, Piece } from './incarnations.ts'
import { packPieces, unpackPieces } from './packed-pieces.ts'

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

type MendHead = Omit<MendRow, 'pieces'>

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

/** The pieces in full, as the first release wrote and reads them; packed, as those do not read them. */
const inFull = 1
const packed = 2

/** With more, the row is packed: it stands in one entry, and at the head of each batch. */
const fullMost = 1000

/** Of any piece, in either format: three numbers of msgpack and their array. */
const pieceBytesMost = 28
/** Of all the rest, where there was one mending. */
const besidesMost = 1024

/** No row of one mending with so many pieces has more bytes. */
export function rowBytesMost(pieces: number): number {
  return besidesMost + pieces * pieceBytesMost
}

/** `batch`: the positions of the entries that stand right behind the row, in their order. */
export function encodeMendRow(row: MendRow, batch: readonly number[], most = fullMost): Uint8Array {
  const own = piecesBehind(0, batch)
  const { from, to, entries, missing, at, node } = row.report
  const report = [from, to, entries, missing, at, node]
  const fields = (pieces: unknown, behind: unknown): unknown[] => [
    ...[row.isOpen, row.mends, pieces, behind, report, row.lineage],
  ]
  return row.pieces.length + own.length > most
    ? encode([packed, ...fields(packPieces(row.pieces), packPieces(own))])
    : encode([inFull, ...fields(row.pieces, own)])
}

/** As `decodeMendRow` would read it where it stands, for whoever wrote it: without reading all pieces again. */
export function withBatch(row: MendRow, seq: number, batch: readonly number[]): MendRow {
  return { ...row, pieces: row.pieces.concat(piecesBehind(seq, batch)) }
}

function piecesBehind(seq: number, batch: readonly number[]): Piece[] {
  const pieces: [number, number, number][] = []
  batch.forEach((position, at) => {
    const last = pieces.at(-1)
    if (last !== undefined && last[1] + last[2] === position) last[2]++
    else pieces.push([seq + at + 1, position, 1])
  })
  return pieces
}

export function decodeMendRow(bytes: Uint8Array, seq: number): MendRow {
  const { fields, head } = read(bytes)
  const [pieces, own] = fields[0] === packed ? unpacked(fields) : ([fields[3], fields[4]] as [Piece[], Piece[]])
  const added = own.map(([on, position, count]): Piece => [seq + on, position, count])
  return { ...head, pieces: pieces.concat(added) }
}

/** All but the pieces, for those who do not need them. */
export function decodeMendHead(bytes: Uint8Array): MendHead {
  return read(bytes).head
}

function unpacked(fields: readonly unknown[]): [Piece[], Piece[]] {
  return [unpackPieces(fields[3] as Uint8Array), unpackPieces(fields[4] as Uint8Array)]
}

function read(bytes: Uint8Array): { readonly fields: readonly unknown[]; readonly head: MendHead } {
  const fields = decode(bytes)
  if (!Array.isArray(fields) || (fields[0] !== inFull && fields[0] !== packed))
    throw new Fault('mend.unknown', { size: bytes.length })
  const [, isOpen, mends, , , report, lineage] = fields as [
    number,
    boolean,
    Mend[],
    unknown,
    unknown,
    [number, number, number, number, number, string],
    Ancestor[] | undefined,
  ]
  const [from, to, entries, missing, at, node] = report
  const head = {
    isOpen,
    mends,
    // Of a release that wrote none, the numbers have to do.
    lineage: lineage ?? mends.map(([, incarnation]): Ancestor => [incarnation, String(incarnation)]),
    report: { from, to, entries, missing, at, node },
  }
  return { fields, head }
}
