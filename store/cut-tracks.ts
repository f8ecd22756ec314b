/**
 * What changed since which cut: one row for each actor that changed since the first cut of its
 * partition, which names the stretch between two cuts in which it changed last. It serves "slices
 * store only the records changed since the previous cut". Invariant: a row is written in the
 * transaction of the change itself; where the stretches do not reach back, nothing is said.
 */
import type { Address } from '#protocol/address.ts'
import { decode, encode } from '#protocol/codec.ts'
import { actorKey, partitionKey } from './keys.ts'
import { sealed, unsealed } from './sealed.ts'
import type { Op, Tables, View } from './tables.ts'

/** A stretch begins behind the recorded state of a cut. */
export type Track = readonly [number: number, cut: string, n: number]

/** A slice builds on the last whole cut; further back than so many nobody asks. */
const tracksMost = 16

export function readTracks(tables: Tables, partition: number, view?: View): readonly Track[] {
  const key = trackKey(partition)
  const row = tables.meta.get(key, view === undefined ? undefined : { transaction: view })
  return row === undefined ? [] : (decode(unsealed(key, row, 'the list of cuts')) as Track[])
}

/** The first fold behind a cut begins the next stretch. */
export function nextTracks(tracks: readonly Track[], cut: string, n: number): readonly Track[] {
  return [...tracks, [(tracks.at(-1)?.[0] ?? 0) + 1, cut, n] as const].slice(-tracksMost)
}

export function tracksOp(tables: Tables, partition: number, tracks: readonly Track[]): Op {
  const key = trackKey(partition)
  return { table: tables.meta, key, value: sealed(key, encode(tracks)) }
}

export function noTracksOp(tables: Tables, partition: number): Op {
  return { table: tables.meta, key: trackKey(partition), value: undefined }
}

/** Nothing while the row says so already: most changes of an actor cost a look. */
export function changedOp(tables: Tables, partition: number, address: Address, track: number): Op | undefined {
  const key = actorKey(partition, address)
  const row = tables.changed.get(key)
  if (row !== undefined && stretchOf(key, row) >= track) return undefined
  const payload = Buffer.allocUnsafe(4)
  payload.writeUInt32LE(track)
  return { table: tables.changed, key, value: sealed(key, payload) }
}

/** The stretch in which an actor changed last. */
export function stretchOf(key: Uint8Array, row: Buffer): number {
  return unsealed(key, row, 'the list of what changed').readUInt32LE()
}

function trackKey(partition: number): Buffer {
  return Buffer.concat([Buffer.from('t'), partitionKey(partition)])
}
