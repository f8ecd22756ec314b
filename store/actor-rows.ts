/**
 * One actor on disk. A small state stands in the actor's own row. A large one is cut into chunks
 * that fill their pages, followed by rows of differences, the newest of which wait in the
 * actor's own row until they fill one. It serves the clause "LMDB follows the log": a long
 * conversation costs about its text, and is read as one base and a bounded number of differences.
 */
import type { Address } from '#protocol/address.ts'
import { decode } from '#protocol/codec.ts'
import { applyAll } from '#protocol/delta.ts'
import type { Link } from './history-rows.ts'
import { actorKey, addressOfKey, partKey } from './keys.ts'
import { damaged, openRow, seal, sealBytes, unsealed } from './sealed.ts'
import { pageBytes, pageHeaderBytes, type Tables, type View } from './tables.ts'

/** What the actor's own row says. */
export type Head = {
  /** The newest line of its history. */
  readonly last: Link
  readonly needy: boolean
  readonly form: Whole | Cut
}

export type Whole = { readonly is: 'whole'; readonly state: Uint8Array }

export type Cut = {
  readonly is: 'cut'
  readonly baseBytes: number
  /** Rows of differences, and how many differences of how many bytes there are in all. */
  readonly rows: number
  readonly deltas: number
  readonly deltaBytes: number
  /** The newest differences, framed. */
  readonly tail: Uint8Array
}

/** A state up to this size stands in the actor's own row. */
export const wholeBytes = 2048

/** A page, filled to the last byte: any page that was freed can take it. */
export const chunkBytes = pageBytes - pageHeaderBytes - sealBytes

export function chunksOf(baseBytes: number): number {
  return Math.ceil(baseBytes / chunkBytes)
}

const linkBytes = 6
const headBytes = 1 + linkBytes
const cutBytes = 4 * 4

export function encodeHead(key: Uint8Array, { last, needy, form }: Head): Buffer {
  const body = form.is === 'whole' ? form.state : form.tail
  const row = openRow(headBytes + (form.is === 'cut' ? cutBytes : 0) + body.length)
  row[sealBytes] = (form.is === 'cut' ? 1 : 0) | (needy ? 2 : 0)
  row.writeUIntLE(last, sealBytes + 1, linkBytes)
  let at = sealBytes + headBytes
  if (form.is === 'cut') {
    for (const number of [form.baseBytes, form.rows, form.deltas, form.deltaBytes]) at = row.writeUInt32LE(number, at)
  }
  row.set(body, at)
  return seal(key, row)
}

export function decodeHead(key: Uint8Array, row: Buffer): Head {
  const payload = unsealed(key, row, () => `the actor ${addressOfKey(key)}`)
  const flags = payload[0] as number
  const head = { last: payload.readUIntLE(1, linkBytes), needy: (flags & 2) !== 0 }
  if ((flags & 1) === 0) return { ...head, form: { is: 'whole', state: payload.subarray(headBytes) } }
  const number = (at: number) => payload.readUInt32LE(headBytes + 4 * at)
  const form: Cut = {
    is: 'cut',
    baseBytes: number(0),
    rows: number(1),
    deltas: number(2),
    deltaBytes: number(3),
    tail: payload.subarray(headBytes + cutBytes),
  }
  return { ...head, form }
}

/** The state in a row that is whole and asks for nothing, as most are; nothing in any other. */
export function quietState(key: Uint8Array, row: Buffer): Buffer | undefined {
  const payload = unsealed(key, row, () => `the actor ${addressOfKey(key)}`)
  return payload[0] === 0 ? payload.subarray(headBytes) : undefined
}

export function readHead(tables: Tables, key: Buffer, view?: View): Head | undefined {
  const row = tables.actors.get(key, viewOf(view))
  return row === undefined ? undefined : decodeHead(key, row)
}

export function readState(tables: Tables, partition: number, address: Address, view?: View): unknown[] | undefined {
  const key = actorKey(partition, address)
  const head = readHead(tables, key, view)
  return head === undefined ? undefined : stateOf(tables, key, head, address, view)
}

export function stateOf(tables: Tables, key: Buffer, { form }: Head, address: Address, view?: View): unknown[] {
  try {
    if (form.is === 'whole') return decode(form.state) as unknown[]
    const base = decode(readBase(tables, key, form.baseBytes, address, view))
    return applyAll(base, readDeltas(tables, key, form, address, view)) as unknown[]
  } catch (cause) {
    throw damaged(`the state of ${address}`, cause)
  }
}

export function readBase(tables: Tables, key: Buffer, bytes: number, address: Address, view?: View): Buffer {
  const base = Buffer.allocUnsafe(bytes)
  let at = 0
  for (let index = 0; at < bytes; index++) {
    const chunk = readPart(tables, partKey(key, 'chunk', index), address, view)
    if (at + chunk.length > bytes) throw damaged(`the state of ${address}`)
    base.set(chunk, at)
    at += chunk.length
  }
  return base
}

export function readDeltas(tables: Tables, key: Buffer, cut: Cut, address: Address, view?: View): Uint8Array[] {
  const deltas: Uint8Array[] = []
  for (let index = 0; index < cut.rows; index++)
    unframe(readPart(tables, partKey(key, 'tail', index), address, view), deltas)
  unframe(cut.tail, deltas)
  if (deltas.length !== cut.deltas) throw damaged(`the state of ${address}`)
  return deltas
}

function readPart(tables: Tables, key: Buffer, address: Address, view: View | undefined): Buffer {
  const row = tables.parts.get(key, viewOf(view))
  if (row === undefined) throw damaged(`the state of ${address}`)
  return unsealed(key, row, `the state of ${address}`)
}

function viewOf(view: View | undefined): { transaction: View } | undefined {
  return view === undefined ? undefined : { transaction: view }
}

export function frame(deltas: readonly Uint8Array[], before: Uint8Array): Buffer {
  let size = before.length
  for (const delta of deltas) size += 4 + delta.length
  const framed = Buffer.allocUnsafe(size)
  framed.set(before)
  let at = before.length
  for (const delta of deltas) {
    at = framed.writeUInt32LE(delta.length, at)
    framed.set(delta, at)
    at += delta.length
  }
  return framed
}

function unframe(framed: Uint8Array, into: Uint8Array[]): void {
  const view = new DataView(framed.buffer, framed.byteOffset, framed.length)
  for (let at = 0; at < framed.length;) {
    const end = at + 4 + view.getUint32(at, true)
    into.push(framed.subarray(at + 4, end))
    at = end
  }
}
