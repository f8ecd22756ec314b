/**
 * How far a partition was folded, as rows: the numbers in one, each client's mark in one of its
 * own, because there may be thousands and a commit moves a few. They serve the clause "LMDB
 * follows the log".
 */
import { decode, encode } from '#protocol/codec.ts'
import { clientKey, clientOfKey, partitionKey, partitionRange } from './keys.ts'
import { sealed, unsealed } from './sealed.ts'
import type { FoldedPartition } from './store.ts'
import type { Op, Tables, View } from './tables.ts'

export function readPartition(tables: Tables, partition: number, view: View): FoldedPartition | undefined {
  const key = partitionKey(partition)
  const row = tables.partitions.get(key, { transaction: view })
  if (row === undefined) return undefined
  const clients: Record<string, readonly [number, number]> = {}
  for (const { key: name, value } of tables.clients.getRange({ ...partitionRange(partition), transaction: view })) {
    clients[clientOfKey(name)] = clientOf(name, value)
  }
  return { ...partitionOfPayload(partition, unsealed(key, row, `partition ${partition}`)), clients }
}

function partitionOfPayload(partition: number, payload: Uint8Array): Omit<FoldedPartition, 'clients'> {
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
  ]
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
  }
}

function clientOf(key: Uint8Array, row: Buffer): readonly [number, number] {
  const payload = unsealed(key, row, "a client's mark")
  return [payload.readDoubleLE(0), payload.readDoubleLE(8)]
}

/** What to write so that `next` follows `before`, which is what was written last. */
export function partitionOps(tables: Tables, next: FoldedPartition, before: FoldedPartition | undefined): Op[] {
  const key = partitionKey(next.partition)
  const { epoch, n, seq, cursor, heard, awayMs, openedAt, at } = next
  const marks = Object.entries(next.marks).map(([from, [count, index]]) => [Number(from), count, index])
  const value = sealed(key, encode([epoch, n, seq, cursor, heard, awayMs, openedAt, at, marks]))
  return [{ table: tables.partitions, key, value }, ...clientOps(tables, next, before)]
}

function clientOps(tables: Tables, { partition, clients }: FoldedPartition, before: FoldedPartition | undefined): Op[] {
  if (before !== undefined && clients === before.clients) return []
  const ops: Op[] = []
  for (const name in clients) {
    const [n, at] = clients[name] as readonly [number, number]
    const known = before?.clients[name]
    if (known !== undefined && known[0] === n && known[1] === at) continue
    const key = clientKey(partition, name)
    const payload = Buffer.allocUnsafe(16)
    payload.writeDoubleLE(n, 0)
    payload.writeDoubleLE(at, 8)
    ops.push({ table: tables.clients, key, value: sealed(key, payload) })
  }
  for (const name in before?.clients) {
    if (clients[name] === undefined)
      ops.push({ table: tables.clients, key: clientKey(partition, name), value: undefined })
  }
  return ops
}
