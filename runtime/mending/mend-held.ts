/**
 * What this node holds beyond the end of a shorter log, for itself and for the one that mends. It
 * serves the clause "LMDB follows the log". Invariant: the log agrees with everything that is held
 * up to one sequence and with nothing behind it, because a log loses its end and nothing else.
 */
import { decode, encode } from '#protocol/codec.ts'
import { Fault } from '#protocol/fault.ts'
import { decodeHeld, type HeldEntry } from '#protocol/held.ts'
import { subjects } from '#protocol/subject.ts'
import type { Store } from '#store/store.ts'
import type { Bus } from '#runtime/bus.ts'
import { incarnationOf, type Places, placesOf, sequenceIn, untouched } from '#runtime/core/incarnations.ts'
import { decodeMendRow, encodeMendRow, goesOnFrom, type Table } from '#runtime/core/mend-row.ts'
import type { Folded } from '#runtime/core/mend-plan.ts'

export type Head = {
  /** The highest incarnation that this node knows a position of. */
  readonly incarnation: number
  /** The last sequence at which the log has what is held here. */
  readonly anchor: number
  readonly folded: readonly Folded[]
  /** The table that its positions are of. */
  readonly table: Table
}

/** `table`: what this node's positions are of; `by`: what the log is to be understood by. */
export type HeldWorld = { readonly raw: Bus; readonly store: Store; readonly table: Table; readonly by: Table }

/** The newest table that is held here; nothing where none is, as before the first mending. */
export function heldTable({ realm }: Bus, store: Store): Table {
  // What is held may be all that memory should not: it is not read through for what cannot be in it.
  if (!hasFoldedMended(store, realm.partitions)) return undefined
  const subject = subjects.mended(realm)
  for (const chunk of store.recents.chunks()) {
    const row = decodeHeld(chunk).findLast((entry) => entry.subject === subject)
    if (row !== undefined) return decodeMendRow(row.data, sequenceIn(row.seq))
  }
  return undefined
}

/** Whether a position here is of a log that was mended; until then it means the same by every table. */
function hasFoldedMended(store: Store, partitions: number): boolean {
  for (let partition = 0; partition < partitions; partition++) {
    const position = store.partition(partition)
    if (position === undefined) continue
    if (incarnationOf(Math.max(position.seq, position.cursor, position.heard)) > 0) return true
  }
  return false
}

/** The last sequence at which the log has what these are; 0 for none. */
export async function anchorIn(
  { raw, places }: { readonly raw: Bus; readonly places: Places },
  entries: readonly HeldEntry[],
  lastSeq: number,
): Promise<number> {
  const placed = entries
    .flatMap((entry) => {
      const seq = places.seqOf(entry.seq)
      return seq === undefined || seq > lastSeq ? [] : [{ seq, entry }]
    })
    .toSorted((a, b) => a.seq - b.seq)
  let low = -1
  let high = placed.length - 1
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    const { seq, entry } = placed[middle] as (typeof placed)[number]
    const found = await raw.get(seq)
    // Where nothing stands something was trimmed: it was there.
    if (found === undefined || isSame(found, entry, places.isAgain(seq))) low = middle
    else high = middle - 1
  }
  return placed[low]?.seq ?? 0
}

/** What was appended again has another time than it had; of outsiders' events the time tells two that look alike. */
function isSame(found: HeldEntry, entry: HeldEntry, isAgain: boolean): boolean {
  return (
    found.subject === entry.subject &&
    (isAgain || entry.at === 0 || found.at === entry.at) &&
    Buffer.compare(found.data, entry.data) === 0
  )
}

export async function headOf({ raw, store, table, by }: HeldWorld): Promise<Head> {
  const places = placesOf(by ?? untouched)
  const { lastSeq } = await raw.logState()
  let anchor = 0
  let highest = 0
  for (const chunk of [...store.recents.chunks()]) {
    const entries = decodeHeld(chunk)
    highest = Math.max(highest, ...entries.slice(-1).map(({ seq }) => seq))
    const found = await anchorIn({ raw, places }, entries, lastSeq)
    anchor = Math.max(anchor, found)
    // All of it is there, and so is what is older.
    if (entries.every(({ seq }) => (places.seqOf(seq) ?? Number.POSITIVE_INFINITY) <= found)) break
  }
  const folded: Folded[] = []
  for (let partition = 0; partition < raw.realm.partitions; partition++) {
    const position = store.partition(partition)
    if (position === undefined) continue
    folded.push({ partition, epoch: position.epoch, n: position.n })
    // What was taken of another's records counts as if they had been folded: they cannot become others.
    for (const [sender, [n]] of Object.entries(position.marks)) folded.push({ partition: Number(sender), epoch: 0, n })
    highest = Math.max(highest, position.seq, position.cursor, position.heard)
  }
  const own = placesOf(table ?? untouched).incarnation
  const incarnation = Math.max(incarnationOf(highest), places.incarnation, own)
  // The log went on without this node: its positions mean something else.
  return goesOnFrom(by, table) ? { incarnation, anchor, folded, table } : { incarnation, anchor: 0, folded: [], table }
}

/** What is held of which the log has nothing, or something else, when it has lost all behind `after`. */
export function heldBehind({ store, table, by }: HeldWorld, after: number): HeldEntry[] {
  if (!goesOnFrom(by, table)) return []
  const places = placesOf(by ?? untouched)
  const found = new Map<number, HeldEntry>()
  for (const chunk of store.recents.chunks()) {
    for (const entry of decodeHeld(chunk)) {
      const known = found.get(entry.seq)
      // A position that the table does not know is of a history that the log went on without.
      if ((places.seqOf(entry.seq) ?? 0) > after && (known === undefined || known.at === 0))
        found.set(entry.seq, { ...entry, data: Buffer.from(entry.data) })
    }
  }
  return [...found.values()]
}

const format = 1

export type MendQuestion =
  /** `by`: the table that the log is to be understood by, where it is not the one that is held here. */
  | { readonly is: 'head'; readonly by?: Table }
  /** From there on, of the bytes of everything that is held behind that sequence. */
  | { readonly is: 'held'; readonly by?: Table; readonly after: number; readonly from: number }

export function encodeQuestion(one: MendQuestion): Uint8Array {
  const by = bytesOf(one.by)
  return encode(one.is === 'head' ? [format, 0, 0, 0, by] : [format, 1, one.after, one.from, by])
}

export function decodeQuestion(bytes: Uint8Array): MendQuestion {
  const [, is, after, from, by] = fieldsOf(bytes) as [number, number, number, number, Uint8Array | null | undefined]
  const table = tableIn(by)
  return is === 0 ? { is: 'head', by: table } : { is: 'held', by: table, after, from }
}

export function encodeHead({ incarnation, anchor, folded, table }: Head): Uint8Array {
  const positions = folded.map(({ partition, epoch, n }) => [partition, epoch, n])
  return encode([format, incarnation, anchor, positions, bytesOf(table)])
}

export function decodeHead(bytes: Uint8Array): Head {
  const [, incarnation, anchor, positions, table] = fieldsOf(bytes) as [
    number,
    number,
    number,
    [number, number, number][],
    Uint8Array | null | undefined,
  ]
  const folded = positions.map(([partition, epoch, n]) => ({ partition, epoch, n }))
  return { incarnation, anchor, folded, table: tableIn(table) }
}

function bytesOf(table: Table): Uint8Array | null {
  return table === undefined ? null : encodeMendRow(table, [])
}

function tableIn(bytes: Uint8Array | null | undefined): Table {
  return bytes === null || bytes === undefined ? undefined : decodeMendRow(bytes, 0)
}

/** The bytes of a page, and how many there are in all. */
export function encodePage(all: Uint8Array, from: number, most: number): Uint8Array {
  return encode([format, all.subarray(from, from + most), all.length])
}

export function decodePage(bytes: Uint8Array): { readonly bytes: Uint8Array; readonly total: number } {
  const [, page, total] = fieldsOf(bytes) as [number, Uint8Array, number]
  return { bytes: page, total }
}

function fieldsOf(bytes: Uint8Array): unknown[] {
  const fields = decode(bytes)
  if (!Array.isArray(fields) || fields[0] !== format) throw new Fault('mend.unknown', { size: bytes.length })
  return fields
}
