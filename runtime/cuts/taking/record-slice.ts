/**
 * One partition's part of a cut: its view is streamed out into segments, above those of the last whole
 * cut where there is one. It serves "slices store only the records changed". Invariants: the document
 * is stored after everything that it names, here and in the object store; a view that is not read to
 * its end in time, or while the store runs out of room, is given up: it pins what the store would use
 * again, and a second view would be of another instant.
 */
import { isDeepStrictEqual } from 'node:util'
import { cutFormat } from '#protocol/cut-format.ts'
import { type Census, cutNames, type CutSlice, encodeSlice, type Layer, type SegmentRef } from '#protocol/cut.ts'
import { Fault } from '#protocol/fault.ts'
import type { MarkedCut } from '#protocol/record.ts'
import { stateOfArray } from '#protocol/state.ts'
import type { Slice, Store } from '#store/store.ts'
import type { Clock } from '#runtime/clock.ts'
import { trace } from '#runtime/trace.ts'
import { type Bundle, bundlesOf } from '#protocol/bundle.ts'
import type { CutShelf } from '#runtime/cuts/reading/cut-shelf.ts'
import { inOrder } from '#runtime/cuts/reading/in-order.ts'
import type { LoopMeter } from './loop-meter.ts'
import type { Turns } from '#runtime/turns.ts'

export type SliceOptions = {
  readonly name: string
  /** Past it nobody waits for a slice any more. */
  readonly cutDeadlineMs: number
  /** Past so many layers, or when they hold more than half of what is below, a slice is made whole again. */
  readonly cutLayersMost: number
}

export type SliceWorld = { readonly store: Store; readonly clock: Clock; readonly shelf: CutShelf }

/** `at`: when its partition recorded; `file`: how far the store's file reached then. */
export type Waiting = { readonly cut: MarkedCut; readonly slice: Slice; readonly at: number; readonly file: number }

export type RecordOptions = SliceOptions & {
  readonly isOver: () => boolean
  /** Whose turn it is to put something away. */
  readonly turns: Turns
  readonly meter: Pick<LoopMeter, 'longest'>
}

/** Segments of one partition, and of what was in flight, that are put away at once. */
export const keepMost = 8
/** While a view is open, the store may fill its map up to this share and no further. */
const fullShare = 0.95
/** Segments between two looks at it. */
const looksEvery = 8

export function tooLate(waiting: Waiting, { cutDeadlineMs }: SliceOptions): Fault {
  return givenUp(waiting, `it took longer than ${cutDeadlineMs} ms`)
}

function givenUp({ cut: [value], slice }: Waiting, why: string): Fault {
  const { partition } = slice.position
  return new Fault('cut.abandoned', { value, reason: `partition ${partition} was given up, because ${why}` })
}

/** The bytes of the document, once it is stored. */
export async function recordSlice(world: SliceWorld, waiting: Waiting, options: RecordOptions): Promise<Uint8Array> {
  const {
    cut: [id, marker],
    slice,
    at,
  } = waiting
  const { clock, shelf, store } = world
  const { position } = slice
  const { partition } = position
  const begunAt = clock.now()
  const base = await baseOf(world, slice, options)
  const stored: SegmentRef[] = []
  const check = (): void => {
    if (options.isOver() || clock.now() - at >= options.cutDeadlineMs) throw tooLate(waiting, options)
    if (stored.length % looksEvery !== 0) return
    const { bytes, limit, file } = store.size()
    // What grew since then may be pinned by this view alone.
    const reached = bytes + file - waiting.file
    if (reached >= limit * fullShare) throw givenUp(waiting, `the store has reached ${reached} of ${limit} bytes`)
  }
  const keep = async (bundle: Bundle): Promise<SegmentRef> => {
    check()
    const ref = await options.turns(() => shelf.keep(bundle))
    stored.push(ref)
    return ref
  }
  const [layer, clients] = await Promise.all([
    inOrder(slice.bundles(base?.cut), keep, keepMost),
    base !== undefined && (await isSame(shelf, base.clients, slice))
      ? base.clients
      : inOrder(bundlesOf(once(slice.clients), clientOf), keep, keepMost),
  ])
  const document: CutSlice = {
    format: cutFormat,
    cut: id,
    partition,
    marker,
    position,
    clients,
    layers: layer.length === 0 && base !== undefined ? base.layers : [layer, ...(base?.layers ?? [])],
    census: await slice.census(),
    unheard: await unheardOf(slice),
    node: options.name,
    at,
    added: stored.reduce((sum, { bytes }) => sum + bytes, 0),
    pauseMs: options.meter.longest(),
  }
  const bytes = encodeSlice(document)
  await shelf.keepDocument(cutNames.slice(id, partition), bytes)
  trace({
    is: 'cut.sliced',
    cut: id,
    partition,
    actors: actorsOf(document.census),
    bytes: document.added,
    ms: Math.round(clock.now() - begunAt),
  })
  return bytes
}

/** Sessions that did not move need no segment of their own. */
async function isSame(shelf: CutShelf, clients: Layer, slice: Slice): Promise<boolean> {
  if (clients.reduce((sum, { rows }) => sum + rows, 0) !== slice.clients.length) return false
  const rows: unknown[] = []
  for (const ref of clients) rows.push(...(await shelf.rows(ref)))
  return isDeepStrictEqual(rows, slice.clients)
}

/** The newest whole cut that this slice can build on; none when building on it would make reading slow. */
async function baseOf({ shelf }: SliceWorld, slice: Slice, options: SliceOptions): Promise<CutSlice | undefined> {
  const { partition } = slice.position
  for (const cut of slice.cuts.toReversed()) {
    if (!(await shelf.isWhole(cut))) continue
    const base = await shelf.slice(cut, partition)
    if (base === undefined) continue
    const sizes = base.layers.map((layer) => layer.reduce((sum, { bytes }) => sum + bytes, 0))
    const lowest = sizes.at(-1) ?? 0
    const above = sizes.reduce((sum, bytes) => sum + bytes, 0) - lowest
    return base.layers.length >= options.cutLayersMost || above > lowest / 2 ? undefined : base
  }
  return undefined
}

/** Of each pattern, from where the one who is furthest behind has still to hear. */
async function unheardOf(slice: Slice): Promise<CutSlice['unheard']> {
  const least = new Map<string, number>()
  for await (const portion of slice.needs()) {
    for (const [address, needs] of portion) {
      const state = needs.subscribed === true ? slice.read(address) : undefined
      if (state === undefined) continue
      for (const { pattern, from } of stateOfArray(state).book.subscriptions ?? [])
        least.set(pattern, Math.min(least.get(pattern) ?? from, from))
    }
  }
  return [...least]
}

function actorsOf({ kinds }: Census): number {
  return Object.values(kinds).reduce((sum, count) => sum + count, 0)
}

function clientOf(mark: Slice['clients'][number]): { key: string; row: unknown; bytes: number } {
  return { key: mark[0], row: mark, bytes: 48 }
}

async function* once<T>(all: readonly T[]): AsyncGenerator<readonly T[]> {
  if (all.length > 0) yield all
}
