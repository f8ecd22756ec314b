/**
 * A partition as a whole: written out, read in, dropped; in slices, so that the node steps on
 * meanwhile. It serves the clause "LMDB follows the log". Invariant: a partition that is being
 * emptied or filled has no position, here and after a crash, until it is whole again; so nothing
 * is ever folded onto half of one.
 */
import { setImmediate } from 'node:timers/promises'
import { encode } from '#protocol/codec.ts'
import { Fault } from '#protocol/fault.ts'
import { draftOf } from './actor-draft.ts'
import { decodeHead, stateOf } from './actor-rows.ts'
import { lodgeLayers } from './fill-rows.ts'
import { type LiveRow, liveRows } from './live-rows.ts'
import { readNeeds } from './need-rows.ts'
import { needsOfRow } from './state-rows.ts'
import { readUnderlay, underlayOp } from './underlay.ts'
import { type BaseActor, type BaseReader, openBaseWriter } from './base-blob.ts'
import { noTracksOp } from './cut-tracks.ts'
import { linkTo, seqOfHistoryRow } from './history-rows.ts'
import { addressOfKey, numberOfHistoryKey, partitionKey, partitionRange } from './keys.ts'
import { clientOps, movesOf, partitionOps, readClients, readPartition } from './partition-rows.ts'
import { unsealed } from './sealed.ts'
import type { FoldedChange, StoreIdentity } from './store.ts'
import type { Op, Table, Tables, View } from './tables.ts'
import type { Views } from './views.ts'

/** Rows removed in one transaction, and looked through without a pause. */
const sliceRows = 500

export async function writeBase(
  tables: Tables,
  views: Views,
  identity: StoreIdentity,
  partition: number,
): Promise<Uint8Array> {
  const view = views.open()
  try {
    const position = readPartition(tables, partition, view)
    if (position === undefined) throw new Fault('store.empty', { partition })
    const writer = openBaseWriter({ identity, partition: position, clients: readClients(tables, partition, view) })
    let seen = 0
    for (const row of liveRows(tables, { partition, ...partitionRange(partition) }, view, views)) {
      writer.add(baseActorOf(tables, row, view))
      if (writer.isFull()) await writer.flush()
      else if (++seen % sliceRows === 0) await setImmediate()
    }
    return await writer.end()
  } finally {
    views.close(view)
  }
}

function baseActorOf(tables: Tables, { key, value, under }: LiveRow, view: View): BaseActor {
  const address = addressOfKey(key)
  if (under !== undefined) return [address, under[1] ?? new Uint8Array(), needsOfRow(under)]
  const head = decodeHead(key, value)
  const state = head.form.is === 'whole' ? head.form.state : encode(stateOf(tables, key, head, address, view))
  return [address, state, head.needy ? readNeeds(tables, key, view) : {}]
}

export async function fillPartition(tables: Tables, base: BaseReader, write: Write): Promise<void> {
  const { header, sealed } = base
  const { partition } = header.partition
  await emptyPartition(tables, partition, write)
  const under =
    sealed === undefined ? await putRows(tables, base, write) : await lodgeLayers(tables, { partition, sealed }, write)
  await write(clientOps(tables, partition, movesOf(header.clients)))
  const position = [...partitionOps(tables, header.partition), unfinishedOp(tables, partition, false)]
  await write(under === undefined ? position : [...position, under])
}

async function putRows(tables: Tables, { header, frames }: BaseReader, write: Write): Promise<undefined> {
  const { partition } = header.partition
  for await (const actors of frames()) {
    for (let at = 0; at < actors.length; at += sliceRows) {
      await write(
        actors
          .slice(at, at + sliceRows)
          .flatMap(([address, state, needs]) => fullOps(tables, partition, { address, is: 'full', state, needs })),
      )
    }
  }
}

function fullOps(tables: Tables, partition: number, change: FoldedChange): Op[] {
  const draft = draftOf(tables, { partition, address: change.address })
  draft.change(change)
  return draft.ops()
}

type Write = (ops: readonly Op[]) => Promise<void>

/** Leaves the mark "unfinished" behind. */
export async function emptyPartition(tables: Tables, partition: number, write: Write): Promise<void> {
  await write([
    unfinishedOp(tables, partition, true),
    { table: tables.partitions, key: partitionKey(partition), value: undefined },
    noTracksOp(tables, partition),
    underlayOp(tables, partition, undefined),
  ])
  const { clients, actors, parts, needs, history, ended, changed, layers } = tables
  for (const table of [clients, actors, parts, needs, history, ended, changed, layers]) {
    await emptyRange(table, partition, write)
  }
}

export async function dropPartition(tables: Tables, partition: number, write: Write): Promise<void> {
  await emptyPartition(tables, partition, write)
  await write([unfinishedOp(tables, partition, false)])
}

async function emptyRange(table: Table, partition: number, write: Write): Promise<void> {
  for (;;) {
    const ops = Array.from(table.getKeys({ ...partitionRange(partition), limit: sliceRows }), (key): Op => ({
      table,
      key: Buffer.from(key),
      value: undefined,
    }))
    if (ops.length === 0) return
    await write(ops)
  }
}

function unfinishedOp(tables: Tables, partition: number, isUnfinished: boolean): Op {
  return {
    table: tables.meta,
    key: Buffer.concat([unfinishedKey, partitionKey(partition)]),
    value: isUnfinished ? Buffer.from([1]) : undefined,
  }
}

const unfinishedKey = Buffer.from('u')

/** Partitions that a crash caught half empty or half full. */
export function unfinishedPartitions(tables: Tables): number[] {
  const range = { start: unfinishedKey, end: Buffer.from('v') }
  return Array.from(tables.meta.getKeys(range), (key) => Buffer.from(key).readUInt16BE(1))
}

/** Forgets the lines of commits whose records stand at or before `upTo`. */
export async function trimHistory(tables: Tables, partition: number, upTo: number, write: Write): Promise<void> {
  for (;;) {
    const ops: Op[] = []
    let isDone = true
    for (const { key, value } of tables.history.getRange({ ...partitionRange(partition), limit: sliceRows })) {
      if (seqOfHistoryRow(key, value) > upTo) {
        isDone = true
        break
      }
      ops.push({ table: tables.history, key, value: undefined })
      isDone = ops.length < sliceRows
    }
    if (ops.length > 0) await write(ops)
    if (isDone) break
    await setImmediate()
  }
  await forgetEnded(tables, partition, write)
}

/** Actors that are gone, and of whose past nothing is left. */
async function forgetEnded(tables: Tables, partition: number, write: Write): Promise<void> {
  // Until what lies under the rows is filled in, they hide those of it that are gone.
  if (readUnderlay(tables, partition)?.isFilled === false) return
  const [oldest] = tables.history.getKeys({ ...partitionRange(partition), limit: 1 })
  const kept = oldest === undefined ? Number.POSITIVE_INFINITY : linkTo(numberOfHistoryKey(oldest))
  const ops: Op[] = []
  for (const { key, value } of tables.ended.getRange(partitionRange(partition))) {
    if (unsealed(key, value, 'the history of an actor').readUIntLE(0, 6) < kept)
      ops.push({ table: tables.ended, key, value: undefined })
  }
  for (let at = 0; at < ops.length; at += sliceRows) await write(ops.slice(at, at + sliceRows))
}
