/**
 * An owner's part of a cut: once the store holds a partition's recorded state, a view of it is
 * streamed out into segments while the node steps on. Invariants: the view is opened in the turn in
 * which the marker commit was folded, so nothing later is in it; the slice's document is stored
 * after everything that it names, here and in the object store.
 */
import { kindOf } from '#protocol/address.ts'
import {
  type Census,
  cutFormat,
  cutNames,
  type CutSlice,
  encodeSlice,
  type Layer,
  type SegmentRef,
} from '#protocol/cut.ts'
import { Fault, storedFaultOf } from '#protocol/fault.ts'
import type { FoldedPartition } from '#protocol/folded.ts'
import type { MarkedCut } from '#protocol/record.ts'
import { stateOfArray } from '#protocol/state.ts'
import { subjects } from '#protocol/subject.ts'
import type { Slice, SliceRow, Store } from '#store/store.ts'
import type { Bus } from '#runtime/bus.ts'
import type { Clock } from '#runtime/clock.ts'
import type { Folder } from '#runtime/partition/folder.ts'
import { trace } from '#runtime/trace.ts'
import { type Bundle, bundlesOf } from './bundles.ts'
import type { CutShelf } from './cut-shelf.ts'

export type SliceOptions = {
  readonly name: string
  /** Past so many layers, or when they hold more than half of what is below, a slice is made whole again. */
  readonly cutLayersMost: number
}

type World = {
  readonly bus: Bus
  readonly store: Store
  readonly clock: Clock
  readonly folder: Pick<Folder, 'onMarked'>
  readonly shelf: CutShelf
}

type Waiting = { readonly cut: MarkedCut; readonly slice: Slice }

export type SliceRecorder = {
  /** Slices that are not durable yet. */
  readonly waiting: number
  stop(): Promise<void>
}

export function recordSlices(world: World, options: SliceOptions): SliceRecorder {
  const { bus, store, folder } = world
  const queue: Waiting[] = []
  let running: Promise<void> | undefined
  let isOver = false

  function onMarked(cut: MarkedCut, position: FoldedPartition): void {
    if (isOver) return
    const { partition } = position
    try {
      const slice = store.slice(partition)
      if (slice.position.n !== position.n) {
        slice.close()
        throw new Fault('cut.abandoned', {
          value: cut[0],
          reason: `the view of partition ${partition} is at record ${slice.position.n} instead of ${position.n}`,
        })
      }
      queue.push({ cut, slice })
    } catch (error) {
      trace({ is: 'cut.failed', cut: cut[0], partition, fault: storedFaultOf(error) })
    }
    running ??= run().finally(() => (running = undefined))
  }

  /** One after the other: the second core is there for more than cuts. */
  async function run(): Promise<void> {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const { slice, cut } = next
      const { partition } = slice.position
      try {
        if (!isOver) await record(world, next, options)
        bus.tell(subjects.cutSliced(bus.realm), new TextEncoder().encode(`${cut[0]} ${partition}`))
      } catch (error) {
        if (!isOver) trace({ is: 'cut.failed', cut: cut[0], partition, fault: storedFaultOf(error) })
      } finally {
        slice.close()
      }
    }
  }

  folder.onMarked(onMarked)
  return {
    get waiting() {
      return queue.length + (running === undefined ? 0 : 1)
    },
    async stop() {
      isOver = true
      await running
    },
  }
}

async function record(world: World, { cut: [id, marker], slice }: Waiting, options: SliceOptions): Promise<void> {
  const { clock, shelf } = world
  const { position } = slice
  const { partition } = position
  const begunAt = clock.now()
  const base = await baseOf(world, slice, options)
  const stored: SegmentRef[] = []
  const keep = async (bundle: Bundle): Promise<SegmentRef> => {
    const ref = await shelf.keep(bundle)
    stored.push(ref)
    return ref
  }
  const layer = await layerOf(bundlesOf(slice.portions(base?.cut), rowOf), keep)
  const clients = await layerOf(
    bundlesOf(once(slice.clients), (mark) => ({ key: mark[0], row: mark, bytes: 48 })),
    keep,
  )
  const document: CutSlice = {
    format: cutFormat,
    cut: id,
    partition,
    marker,
    position,
    clients,
    layers: layer.length === 0 && base !== undefined ? base.layers : [layer, ...(base?.layers ?? [])],
    census: await censusOf(slice),
    unheard: await unheardOf(slice),
    node: options.name,
    at: clock.now(),
    added: stored.reduce((sum, { bytes }) => sum + bytes, 0),
  }
  await shelf.keepDocument(cutNames.slice(id, partition), encodeSlice(document))
  trace({
    is: 'cut.sliced',
    cut: id,
    partition,
    actors: actorsOf(document.census),
    bytes: document.added,
    ms: Math.round(clock.now() - begunAt),
  })
}

/** The newest whole cut that this slice can build on; none when building on it would make reading slow. */
async function baseOf({ shelf }: World, slice: Slice, options: SliceOptions): Promise<CutSlice | undefined> {
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

function rowOf({ address, state, needs }: SliceRow): { key: string; row: unknown; bytes: number } {
  const flags = (needs.effects === true ? 1 : 0) | (needs.subscribed === true ? 2 : 0)
  const row: unknown[] = [address, state ?? null]
  if (needs.due !== undefined || flags !== 0) row.push(needs.due ?? null)
  if (flags !== 0) row.push(flags)
  return { key: address, row, bytes: address.length + (state?.length ?? 0) + 8 }
}

async function layerOf(bundles: AsyncIterable<Bundle>, keep: (bundle: Bundle) => Promise<SegmentRef>): Promise<Layer> {
  const segments: SegmentRef[] = []
  for await (const bundle of bundles) segments.push(await keep(bundle))
  return segments
}

async function censusOf(slice: Slice): Promise<Census> {
  const kinds: Record<string, number> = {}
  for await (const portion of slice.addresses())
    for (const address of portion) kinds[kindOf(address)] = (kinds[kindOf(address)] ?? 0) + 1
  let timers = 0
  let effects = 0
  let subscribed = 0
  for await (const portion of slice.needs())
    for (const [, needs] of portion) {
      if (needs.due !== undefined) timers++
      if (needs.effects === true) effects++
      if (needs.subscribed === true) subscribed++
    }
  return { kinds, timers, effects, subscribed }
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

async function* once<T>(all: readonly T[]): AsyncGenerator<readonly T[]> {
  if (all.length > 0) yield all
}
