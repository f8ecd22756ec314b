/**
 * How far a partition was folded, as rows: the numbers in one, each client's mark in one of its
 * own, because there may be thousands and a commit moves a few. They serve the clause "LMDB
 * follows the log". Invariant: a fold writes the marks that moved, and looks at no other.
 */
import { decode, encode } from '#protocol/codec.ts'
import { clientKey, clientOfKey, partitionKey, partitionRange } from './keys.ts'
import { sealed, unsealed } from './sealed.ts'
import type { ClientMark, ClientMoves, FoldedPartition } from '#protocol/folded.ts'
import type { Op, Tables, View } from './tables.ts'

export function readPartition(tables: Tables, partition: number, view: View): FoldedPartition | undefined {
  const key = partitionKey(partition)
  const row = tables.partitions.get(key, { transaction: view })
  if (row === undefined) return undefined
  return partitionOfPayload(partition, unsealed(key, row, `partition ${partition}`))
}

export function readClients(tables: Tables, partition: number, view: View): ClientMark[] {
  return Array.from(tables.clients.getRange({ ...partitionRange(partition), transaction: view }), ({ key, value }) => {
    const payload = unsealed(key, value, "a client's mark")
    return [clientOfKey(key), payload.readDoubleLE(0), payload.readDoubleLE(8)] as const
  })
}

function partitionOfPayload(partition: number, payload: Uint8Array): FoldedPartition {
  const f = decode(payload) as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    [number, number, number][],
    (number | null)?,
    (number | null)?,
    FoldedPartition['cuts']?,
  ]
  const visitFloor = f[9] ?? undefined
  const forgottenAt = f[10] ?? undefined
  const cuts = f[11]
  return {
    partition,
    epoch: f[0],
    n: f[1],
    seq: f[2],
    cursor: f[3],
    heard: f[4],
    awayMs: f[5],
    openedAt: f[6],
    at: f[7],
    marks: Object.fromEntries(f[8].map(([from, n, index]) => [from, [n, index]])),
    ...(visitFloor === undefined ? {} : { visitFloor }),
    ...(forgottenAt === undefined ? {} : { forgottenAt }),
    ...(cuts === undefined ? {} : { cuts }),
  }
}

export function partitionOps(tables: Tables, next: FoldedPartition): Op[] {
  const key = partitionKey(next.partition)
  const { epoch, n, seq, cursor, heard, awayMs, openedAt, at, visitFloor, forgottenAt, cuts } = next
  const marks = Object.entries(next.marks).map(([from, [count, index]]) => [Number(from), count, index])
  const rest = [visitFloor ?? null, forgottenAt ?? null, cuts ?? null]
  const fields: unknown[] = [epoch, n, seq, cursor, heard, awayMs, openedAt, at, marks, ...rest]
  while (fields.at(-1) === null) fields.pop()
  return [{ table: tables.partitions, key, value: sealed(key, encode(fields)) }]
}

export function clientOps(tables: Tables, partition: number, moves: ClientMoves): Op[] {
  return Array.from(moves, ([session, mark]): Op => {
    const key = clientKey(partition, session)
    if (mark === undefined) return { table: tables.clients, key, value: undefined }
    const payload = Buffer.allocUnsafe(16)
    payload.writeDoubleLE(mark[1], 0)
    payload.writeDoubleLE(mark[2], 8)
    return { table: tables.clients, key, value: sealed(key, payload) }
  })
}

/** Marks as they are, as what has to be written where there are none. */
export function movesOf(clients: Iterable<ClientMark>): ClientMoves {
  return new Map(Array.from(clients, (mark) => [mark[0], mark]))
}
