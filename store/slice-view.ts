/**
 * A partition at one instant: one consistent view, read in portions while the node steps on. It
 * serves "right after folding the marker commit the node opens a read view and streams the slice
 * out". Invariant: nothing that was folded after the view was opened is in it.
 */
import type { Bundle } from '#protocol/bundle.ts'
import type { Census } from '#protocol/cut.ts'
import { encode } from '#protocol/codec.ts'
import { Fault } from '#protocol/fault.ts'
import { decodeHead, stateOf } from './actor-rows.ts'
import { countOf, type Counting } from './counting.ts'
import { readAny } from './read-any.ts'
import { readTracks, stretchOf } from './cut-tracks.ts'
import { addressOfKey, partitionRange } from './keys.ts'
import { liveRows } from './live-rows.ts'
import { decodeNeeds, readNeeds } from './need-rows.ts'
import { readClients, readPartition } from './partition-rows.ts'
import { packRows } from './row-packer.ts'
import type { SlicePace } from './slice-pace.ts'
import type { Needs, Slice } from './store.ts'
import { needsOfRow } from './state-rows.ts'
import type { Tables } from './tables.ts'
import { readUnderlay } from './underlay.ts'
import type { Views } from './views.ts'
import { rows } from './walk.ts'

/** The time is looked at after so many rows. */
const lookRows = 8
/** Handed on at once at most. */
const portionRows = 4000
const noNeeds: Needs = {}

export type SliceWanted = { readonly partition: number; readonly pace: SlicePace }

/** One row of a walk; to be looked at before anything else is read. */
type Seen = {
  /** As it stands in keys. */
  readonly address: Uint8Array
  readonly state: Uint8Array | undefined
  readonly needs: Needs
}

export function sliceOf(tables: Tables, views: Views, { partition, pace }: SliceWanted): Slice {
  const view = views.open()
  let isClosed = false
  let counted: Census | undefined
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
      async *bundles(since) {
        const track = tracks.find(([, cut]) => cut === since)?.[0]
        if (track !== undefined) return yield* bundlesOf(changedRows(track))
        const counting = countOf()
        yield* bundlesOf(wholeRows(), counting)
        counted = counting.sum()
      },
      async census() {
        if (counted !== undefined) return counted
        const counting = countOf()
        for await (const portion of portionsOf(keyRows())) for (const key of portion) counting.count(key)
        for await (const portion of portionsOf(needRows())) for (const [, needs] of portion) counting.need(needs)
        return (counted = counting.sum())
      },
      needs: () => portionsOf(needRows()),
      read(address) {
        check()
        return readAny(tables, partition, address, view)
      },
      close() {
        isClosed = true
        views.close(view)
      },
    }

    function* wholeRows(): Generator<Seen> {
      // What lies under the rows is read in between.
      if (readUnderlay(tables, partition, view) === undefined) {
        for (const { key, value } of rows(tables.walked.actors, range, view, views)) yield seenOf(key, value)
        return
      }
      for (const { key, value, under } of liveRows(tables, { partition, ...range }, view, views))
        yield under === undefined
          ? seenOf(key, value)
          : { address: key.subarray(2), state: under[1] ?? undefined, needs: needsOfRow(under) }
    }

    function* changedRows(track: number): Generator<Seen | undefined> {
      for (const { key, value } of rows(tables.walked.changed, range, view, views)) {
        if (stretchOf(key, value) < track) {
          yield undefined
          continue
        }
        const own = Buffer.from(key)
        const actor = tables.actors.get(own, { transaction: view })
        yield actor === undefined ? { address: own.subarray(2), state: undefined, needs: noNeeds } : seenOf(own, actor)
      }
    }

    /** Nothing more is read where the row is whole and asks for nothing, as most do. */
    function seenOf(key: Buffer, value: Buffer): Seen {
      const head = decodeHead(key, value)
      if (head.form.is === 'whole' && !head.needy)
        return { address: key.subarray(2), state: head.form.state, needs: noNeeds }
      const own = Buffer.from(key)
      const stored = decodeHead(own, Buffer.from(value))
      const needs = head.needy ? readNeeds(tables, own, view) : noNeeds
      const state =
        stored.form.is === 'whole' ? stored.form.state : encode(stateOf(tables, own, stored, addressOfKey(own), view))
      return { address: own.subarray(2), state, needs }
    }

    function* keyRows(): Generator<Uint8Array> {
      for (const { key } of liveRows(tables, { partition, ...range, withValues: false }, view, views))
        yield key.subarray(2)
    }

    function* needRows(): Generator<readonly [ReturnType<typeof addressOfKey>, Needs]> {
      for (const { key, value } of rows(tables.needs, range, view, views))
        yield [addressOfKey(key), decodeNeeds(key, value)]
    }

    async function* bundlesOf(found: Iterable<Seen | undefined>, counting?: Counting): AsyncGenerator<Bundle> {
      const packer = packRows()
      for await (const _ of paced(packed())) {
        const bundle = packer.isFull() ? packer.take() : undefined
        if (bundle !== undefined) yield bundle
      }
      const rest = packer.take()
      if (rest !== undefined) yield rest

      /** Stops where a bundle is full. */
      function* packed(): Generator<boolean> {
        for (const row of found) {
          if (row !== undefined) {
            packer.add(row.address, row.state, row.needs)
            counting?.count(row.address)
            counting?.need(row.needs)
          }
          yield packer.isFull()
        }
      }
    }

    async function* portionsOf<T>(found: Iterable<T>): AsyncGenerator<readonly T[]> {
      let portion: T[] = []
      for await (const _ of paced(gathered())) {
        if (portion.length > 0) yield portion
        portion = []
      }
      if (portion.length > 0) yield portion

      function* gathered(): Generator<boolean> {
        for (const one of found) {
          portion.push(one)
          yield portion.length >= portionRows
        }
      }
    }

    /** Goes through rows, and gives a turn to others where it is their time, and wherever it is told to stop. */
    async function* paced(found: Iterable<boolean>): AsyncGenerator<void> {
      await pace.turn()
      // Whoever has it may have given it up meanwhile; LMDB would end the process.
      check()
      pace.begin()
      let seen = 0
      for (const isStop of found) {
        const isLook = ++seen % lookRows === 0
        if (!isStop && !(isLook && pace.isSpent())) continue
        pace.end()
        yield
        await pace.turn()
        check()
        pace.begin()
      }
      pace.end()
    }
  } catch (error) {
    views.close(view)
    throw error
  }
}
