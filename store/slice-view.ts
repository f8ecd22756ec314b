/**
 * A partition at one instant: one consistent view, read in portions while the node steps on. It
 * serves "right after folding the marker commit the node opens a read view and streams the slice
 * out". Invariant: nothing that was folded after the view was opened is in it.
 */
import type { Address } from '#protocol/address.ts'
import { encode } from '#protocol/codec.ts'
import { Fault } from '#protocol/fault.ts'
import { decodeNeeds } from './actor-draft.ts'
import { decodeHead, stateOf } from './actor-rows.ts'
import { readAny } from './read-any.ts'
import { readTracks, stretchOf } from './cut-tracks.ts'
import { addressOfKey, partitionRange } from './keys.ts'
import { type LiveRow, liveRows } from './live-rows.ts'
import { readClients, readPartition } from './partition-rows.ts'
import type { SlicePace } from './slice-pace.ts'
import type { Needs, Slice, SliceRow } from './store.ts'
import { needsOfRow } from './state-rows.ts'
import type { Tables, View } from './tables.ts'
import type { Views } from './views.ts'
import { rows } from './walk.ts'

/** Rows, and bytes of states, that are handed on at once at most. */
const portionRows = 4000
const portionBytes = 2 * 1024 * 1024
/** The time is looked at after so many. */
const lookRows = 8

export type SliceWanted = { readonly partition: number; readonly pace: SlicePace }

export function sliceOf(tables: Tables, views: Views, { partition, pace }: SliceWanted): Slice {
  const view = views.open()
  let isClosed = false
  const check = (): void => {
    if (isClosed) throw new Fault('store.closed', { value: `the view of partition ${partition}` })
  }
  try {
    const position = readPartition(tables, partition, view)
    if (position === undefined) throw new Fault('store.empty', { partition })
    const tracks = readTracks(tables, partition, view)
    const range = partitionRange(partition)
    return {
      position,
      clients: readClients(tables, partition, view),
      cuts: tracks.map(([, cut]) => cut),
      portions(since) {
        const track = tracks.find(([, cut]) => cut === since)?.[0]
        return portionsOf(track === undefined ? wholeRows() : changedRows(track), sizeOfRow, { pace, check })
      },
      addresses: () => portionsOf(addressRows(), sizeOfNothing, { pace, check }),
      needs: () => portionsOf(needRows(), sizeOfNothing, { pace, check }),
      read(address) {
        check()
        return readAny(tables, partition, address, view)
      },
      close() {
        isClosed = true
        views.close(view)
      },
    }

    function* wholeRows(): Generator<SliceRow> {
      for (const row of liveRows(tables, { partition, ...range }, view, views)) yield rowOf(tables, row, view)
    }

    function* changedRows(track: number): Generator<SliceRow | undefined> {
      for (const { key, value } of rows(tables.changed, range, view, views)) {
        if (stretchOf(key, value) < track) {
          yield undefined
          continue
        }
        const actor = tables.actors.get(key, { transaction: view })
        yield actor === undefined
          ? { address: addressOfKey(key), state: undefined, needs: {} }
          : rowOf(tables, { key, value: actor }, view)
      }
    }

    function* addressRows(): Generator<Address> {
      for (const { key } of liveRows(tables, { partition, ...range, withValues: false }, view, views))
        yield addressOfKey(key)
    }

    function* needRows(): Generator<readonly [Address, Needs]> {
      for (const { key, value } of rows(tables.needs, range, view, views))
        yield [addressOfKey(key), decodeNeeds(key, value)]
    }
  } catch (error) {
    views.close(view)
    throw error
  }
}

function rowOf(tables: Tables, { key, value, under }: LiveRow, view: View): SliceRow {
  const address = addressOfKey(key)
  if (under !== undefined) return { address, state: under[1] ?? undefined, needs: needsOfRow(under) }
  const head = decodeHead(key, value, address)
  const state = head.form.is === 'whole' ? head.form.state : encode(stateOf(tables, key, head, address, view))
  return { address, state, needs: head.needy ? needsOf(tables, key, view) : {} }
}

function needsOf(tables: Tables, key: Buffer, view: View): Needs {
  const row = tables.needs.get(key, { transaction: view })
  return row === undefined ? {} : decodeNeeds(key, row)
}

function sizeOfRow(row: SliceRow): number {
  return row.state?.length ?? 0
}

function sizeOfNothing(): number {
  return 0
}

/** What is passed over costs time too. */
async function* portionsOf<T>(
  found: Iterable<T | undefined>,
  sizeOf: (row: T) => number,
  { pace, check }: { readonly pace: SlicePace; readonly check: () => void },
): AsyncGenerator<readonly T[]> {
  let portion: T[] = []
  let seen = 0
  let bytes = 0
  await pace.turn()
  // Whoever has it may have given it up meanwhile; LMDB would end the process.
  check()
  pace.begin()
  for (const row of found) {
    if (row !== undefined) {
      portion.push(row)
      bytes += sizeOf(row)
    }
    seen++
    const isFull = seen >= portionRows || bytes >= portionBytes
    if (!isFull && (seen % lookRows !== 0 || !pace.isSpent())) continue
    pace.end()
    if (portion.length > 0) yield portion
    portion = []
    seen = 0
    bytes = 0
    await pace.turn()
    check()
    pace.begin()
  }
  pace.end()
  if (portion.length > 0) yield portion
}
