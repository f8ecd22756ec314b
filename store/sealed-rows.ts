/**
 * The rows of sealed segments: opened, checked against what is said of them, and of several layers
 * the one that speaks. They serve "load slices". Invariant: an address is given out once, with the
 * state that the newest layer has of it.
 */
import { decode } from '#protocol/codec.ts'
import type { SegmentRef, StateRow } from '#protocol/cut.ts'
import { Fault } from '#protocol/fault.ts'
import type { BaseActor } from './base-blob.ts'
import { undecodable } from './base-frames.ts'
import type { SealedLayers } from './sealed-base.ts'
import { needsOfRow } from './state-rows.ts'
import { unpackedNow } from './zstd.ts'

/** No segment unpacks more than this, whatever it says of itself. */
const plainMost = 256 * 1024 * 1024

/** One segment of a layer; `packed` without its seal. */
export type OpenedSegment = {
  readonly layer: number
  readonly ref: SegmentRef
  readonly packed: Uint8Array
  readonly rows: readonly StateRow[]
}

export function unpackedRows(packed: Uint8Array): StateRow[] {
  return decode(unpackedNow(packed, plainMost)) as StateRow[]
}

/** All of them, the newest layer first. */
export function* segmentsOf(
  { layers, keyName, parts, unseal }: SealedLayers,
  partition: number,
): Generator<OpenedSegment> {
  if (unseal === undefined) throw new Fault('base.sealed', { partition, value: keyName ?? 'none' })
  let at = 0
  for (const [layer, refs] of layers.entries())
    for (const ref of refs) {
      const packed = unseal(ref.id, parts[at++] as Uint8Array)
      const rows = unpackedRows(packed)
      if (rows.length !== ref.rows || rows[0]?.[0] !== ref.first || rows.at(-1)?.[0] !== ref.last)
        throw undecodable(`segment ${ref.id} does not hold what is said of it`)
      yield { layer, ref, packed, rows }
    }
}

/** Of each address the row that speaks, those that are gone left out. */
export function speakingOf(layers: number): (rows: readonly StateRow[]) => StateRow[] {
  // With one layer no address comes twice.
  const seen = layers > 1 ? new Set<string>() : undefined
  return (rows) =>
    rows.filter((row) => {
      if (seen?.has(row[0]) === true) return false
      seen?.add(row[0])
      return row[1] !== null
    })
}

/** In no order. */
export async function* actorsIn(sealed: SealedLayers, partition: number): AsyncGenerator<readonly BaseActor[]> {
  const speaking = speakingOf(sealed.layers.length)
  for (const { rows } of segmentsOf(sealed, partition))
    yield speaking(rows).map((row) => [row[0], row[1] as Uint8Array, needsOfRow(row)])
}
