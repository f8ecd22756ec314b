/**
 * A partition at one instant: one consistent view, read in portions while the node steps on. It
 * serves "right after folding the marker commit the node opens a read view and streams the slice
 * out". Invariant: nothing that was folded after the view was opened is in it.
 */
import type { Bundle } from '#protocol/bundle.ts'
import type { Census } from '#protocol/cut.ts'
import { encode } from '#protocol/codec.ts'
import { Fault } from '#protocol/fault.ts'
import { decodeHead, quietState, stateOf } from './actor-rows.ts'
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

type Adding = {
  /** `address` as it stands in keys. What is given is written at once: the next row is read into the same place. */
  readonly add: (address: Uint8Array, state: Uint8Array | undefined, needs: Needs) => void
  /** To be asked after each row. */
  readonly isStop: () => boolean
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
        if (track !== undefined) return yield* bundlesOf((adding) => addChanged(adding, track))
        const counting = countOf()
        yield* bundlesOf(addWhole, counting)
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

    /** Nothing else is made of most rows: there are very many of them. */
    function* addWhole({ add, isStop }: Adding): Generator<void> {
      // What lies under the rows is read in between.
      if (readUnderlay(tables, partition, view) !== undefined) return yield* addLive({ add, isStop })
      for (const { key, value } of rows(tables.walked.actors, range, view, views)) {
        const state = quietState(key, value)
        if (state === undefined) addStored(add, key, value)
        else add(key.subarray(2), state, noNeeds)
        if (isStop()) yield
      }
    }

    function* addLive({ add, isStop }: Adding): Generator<void> {
      for (const { key, value, under } of liveRows(tables, { partition, ...range }, view, views)) {
        if (under === undefined) addStored(add, key, value)
        else add(key.subarray(2), under[1] ?? undefined, needsOfRow(under))
        if (isStop()) yield
      }
    }

    function* addChanged({ add, isStop }: Adding, track: number): Generator<void> {
      for (const { key, value } of rows(tables.walked.changed, range, view, views)) {
        if (stretchOf(key, value) >= track) {
          const own = Buffer.from(key)
          const actor = tables.actors.get(own, { transaction: view })
          if (actor === undefined) add(own.subarray(2), undefined, noNeeds)
          else addStored(add, own, actor)
        }
        if (isStop()) yield
      }
    }

    function addStored(add: Adding['add'], key: Buffer, value: Buffer): void {
      // More is read before it is written.
      const own = Buffer.from(key)
      const head = decodeHead(own, Buffer.from(value))
      const needs = head.needy ? readNeeds(tables, own, view) : noNeeds
      const { form } = head
      const state = form.is === 'whole' ? form.state : encode(stateOf(tables, own, head, addressOfKey(own), view))
      add(own.subarray(2), state, needs)
    }

    function* keyRows(): Generator<Uint8Array> {
      for (const { key } of liveRows(tables, { partition, ...range, withValues: false }, view, views))
        yield key.subarray(2)
    }

    function* needRows(): Generator<readonly [ReturnType<typeof addressOfKey>, Needs]> {
      for (const { key, value } of rows(tables.needs, range, view, views))
        yield [addressOfKey(key), decodeNeeds(key, value)]
    }

    async function* bundlesOf(
      rowsInto: (adding: Adding) => Generator<void>,
      counting?: Counting,
    ): AsyncGenerator<Bundle> {
      const packer = packRows()
      const add: Adding['add'] = (address, state, needs) => {
        packer.add(address, state, needs)
        counting?.count(address)
        counting?.need(needs)
      }
      const isTime = lookingAtTime()
      for await (const _ of paced(rowsInto({ add, isStop: () => isTime() || packer.isFull() })))
        if (packer.isFull()) yield packer.take() as Bundle
      const rest = packer.take()
      if (rest !== undefined) yield rest
    }

    async function* portionsOf<T>(found: Iterable<T>): AsyncGenerator<readonly T[]> {
      let portion: T[] = []
      const isTime = lookingAtTime()
      for await (const _ of paced(gathered())) {
        if (portion.length > 0) yield portion
        portion = []
      }
      if (portion.length > 0) yield portion

      function* gathered(): Generator<void> {
        for (const one of found) {
          portion.push(one)
          if (isTime() || portion.length >= portionRows) yield
        }
      }
    }

    /** Each of some rows looks at the time. */
    function lookingAtTime(): () => boolean {
      let seen = 0
      return () => ++seen % lookRows === 0 && pace.isSpent()
    }

    /** Wherever it stops, others have a turn if it is their time. */
    async function* paced(work: Iterable<void>): AsyncGenerator<void> {
      await pace.turn()
      // Whoever has it may have given it up meanwhile; LMDB would end the process.
      check()
      pace.begin()
      for (const _ of work) {
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
