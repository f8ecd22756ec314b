/**
 * A partition as bytes that describe themselves: frames, the first of them the header, the last of
 * them a count. It serves the clause "LMDB follows the log": a node that has nothing begins with the
 * newest base and folds only what came after it. It holds states, not history: as rows, or in the
 * segments of a cut as they were sealed (`./sealed-base.ts`). Invariant: all of a base has been
 * looked at before anybody builds on the first part.
 */
import type { Address } from '#protocol/address.ts'
import type { StateRow } from '#protocol/cut.ts'
import { Fault } from '#protocol/fault.ts'
import { openBaseFrames, undecodable, valuesOf } from './base-frames.ts'
import { baseFormat, type BaseHeader, headerOf, headFieldsOf, sealedBaseFormat } from './base-header.ts'
import { layersOf, type Opening, type SealedLayers } from './sealed-base.ts'
import { actorsIn } from './sealed-rows.ts'
import { sharedParts } from './shared-parts.ts'
import { flagsOf, needsOfRow } from './state-rows.ts'
import type { Needs, StoreIdentity } from './store.ts'

/** A frame is closed when it holds this many bytes: one slice of work without a pause. */
const frameBytes = 256 * 1024

export type BaseActor = readonly [address: Address, state: Uint8Array, needs: Needs]

export type BaseWriter = {
  add(actor: BaseActor): void
  /** True when a frame is full: the moment to let others run. */
  isFull(): boolean
  /** Compresses what was added; away from this thread. */
  flush(): Promise<void>
  end(): Promise<Uint8Array>
}

export function openBaseWriter(header: BaseHeader): BaseWriter {
  const frames = openBaseFrames()
  let actors: BaseActor[] = []
  let bytes = 0
  let count = 0
  const head = frames.push([baseFormat, ...headFieldsOf(header)])
  head.catch(() => undefined)
  const flush = async (): Promise<void> => {
    const taken = actors
    count += taken.length
    actors = []
    bytes = 0
    await head
    if (taken.length > 0)
      await frames.push(taken.map(([address, state, needs]) => [address, state, needs.due ?? null, flagsOf(needs)]))
  }
  return {
    add(actor) {
      actors.push(actor)
      bytes += actor[0].length + actor[1].length
    },
    isFull: () => bytes >= frameBytes,
    flush,
    async end() {
      await flush()
      await frames.push(count)
      return frames.bytes()
    },
  }
}

/** The same from rows as a cut has them. */
export async function baseOfRows(header: BaseHeader, rows: AsyncIterable<StateRow>): Promise<Uint8Array> {
  const writer = openBaseWriter(header)
  for await (const row of rows) {
    const [address, state] = row
    if (state === null) continue
    writer.add([address, state, needsOfRow(row)])
    if (writer.isFull()) await writer.flush()
  }
  return writer.end()
}

export type BaseReader = {
  readonly header: BaseHeader
  /** The segments that its states lie in; nothing when they lie in it as they are. */
  readonly sealed: SealedLayers | undefined
  /** Those of segments are opened with what `openBaseReader` was given for it. */
  frames(): AsyncGenerator<readonly BaseActor[]>
}

/** Refuses a base of another realm or another number of partitions, and one that is not whole. */
export async function openBaseReader(
  bytes: Uint8Array,
  ours: StoreIdentity,
  opening: Opening = {},
): Promise<BaseReader> {
  const values = valuesOf(bytes)
  const { value: head, done } = await values.next()
  if (done || !Array.isArray(head)) throw undecodable('it ends early')
  const format = head[0] as number
  if (format > sealedBaseFormat)
    throw new Fault('store.format', { value: 'a base', have: String(format), want: sealedBaseFormat })
  const header = headerOf(head, ours)
  const layers = format === sealedBaseFormat ? layersOf(head[7]) : undefined
  let count = 0
  let isWhole = false
  const parts: Uint8Array[] = []
  for await (const value of values) {
    if (layers !== undefined && value instanceof Uint8Array) count = parts.push(value)
    else if (Array.isArray(value)) count += value.length
    else isWhole = value === count
  }
  if (!isWhole) throw undecodable('it ends early')
  if (layers !== undefined) return await sealedReader(header, { ...layers, parts, ...opening })
  return {
    header,
    sealed: undefined,
    async *frames() {
      const again = valuesOf(bytes)
      await again.next()
      for await (const value of again) if (Array.isArray(value)) yield value.map(actorOf)
    },
  }
}

async function sealedReader(header: BaseHeader, given: SealedLayers): Promise<BaseReader> {
  const { isShared, layers, unseal, segmentOf } = given
  // What cannot be opened need not be fetched.
  const isFetched = isShared && unseal !== undefined && segmentOf !== undefined
  const parts = isFetched ? await sharedParts(given, segmentOf) : given.parts
  if (!isShared && parts.length !== layers.flat().length) throw undecodable('a segment that it names is not in it')
  const sealed = { ...given, parts }
  return { header, sealed, frames: () => actorsIn(sealed, header.partition.partition) }
}

function actorOf(fields: unknown): BaseActor {
  const row = fields as StateRow & readonly [Address, Uint8Array]
  return [row[0], row[1], needsOfRow(row)]
}
