/**
 * Where a look at the past may begin: the nearest cut at or before an instant, else the newest base,
 * else the cut that the log was restored from, else the log's own beginning. It serves "nearest cut
 * and fold". Invariant: an anchor says which record it holds, so that whoever goes on from it sees
 * whether one is missing.
 */
import type { Address } from '#protocol/address.ts'
import { decode } from '#protocol/codec.ts'
import { isFault } from '#protocol/fault.ts'
import type { Archive } from '#store/archive.ts'
import type { BaseReader } from '#store/base-blob.ts'
import type { StoreIdentity } from '#store/store.ts'
import type { CutShelf } from '#runtime/cuts/reading/cut-shelf.ts'
import { type CutView, openCut } from '#runtime/cuts/reading/open-cut.ts'
import { newestBases, segmentsBeside } from '#runtime/trimming/bases.ts'
import type { Epoch } from './epochs.ts'
import { type Bound, isWithin } from './instant.ts'

export type Anchor = {
  readonly is: 'cut' | 'base' | 'restored' | 'beginning'
  /** The number of the last record in it, and where that stands. */
  readonly n: number
  readonly seq: number
  /** The state's array form; nothing where there was no such actor. */
  readonly state: unknown[] | undefined
  readonly cut?: string
}

/** What is needed to look into cuts; without it there are bases and the log. */
export type CutsOfPast = { readonly shelf: CutShelf; readonly archive: Archive }

/** A base, looked at whole; it is of this realm, or a fault. */
export type ReadBase = (
  bytes: Uint8Array,
  ours: StoreIdentity,
  beside: { readonly segmentOf: (id: string) => Promise<Uint8Array | undefined> },
) => Promise<BaseReader>

export type Anchors = { readonly cuts: CutsOfPast | undefined; readonly readBase: ReadBase | undefined }

export type Sought = { readonly partition: number; readonly address: Address; readonly bound: Bound }

/** The best first; of each kind one at most, and in the end always the log's own beginning. */
export async function* anchorsOf(
  epoch: Epoch,
  { cuts, readBase }: Anchors,
  sought: Sought,
): AsyncGenerator<Anchor, void> {
  const cut = cuts === undefined ? undefined : await inCut(epoch, cuts, sought)
  if (cut !== undefined) yield cut
  const base = readBase === undefined ? undefined : await inBase(epoch, readBase, sought)
  if (base !== undefined) yield base
  const start = cuts === undefined ? undefined : await restored(epoch, cuts, sought)
  yield start ?? { is: 'beginning', n: 0, seq: epoch.from, state: undefined }
}

async function inCut(
  { bus }: Epoch,
  cuts: CutsOfPast,
  { partition, address, bound }: Sought,
): Promise<Anchor | undefined> {
  const { generation } = bus.realm
  const notes = await cuts.shelf.notes()
  for (const { id, state, begunAt, generation: of } of notes.toReversed()) {
    if (state !== 'whole' || of !== generation || ('time' in bound && begunAt > bound.time)) continue
    const found = await opened(cuts, id, async (view) => {
      const ref = view.manifest.slices.find((one) => one.partition === partition)
      if (ref === undefined || ('seq' in bound && ref.commit > bound.seq)) return undefined
      const { n, seq, at } = (await view.slice(partition)).position
      if (!isWithin(bound, { seq, at })) return undefined
      return { is: 'cut', n, seq, state: await stateIn(view, address), cut: id } as const
    })
    if (found !== undefined) return found
  }
  return undefined
}

async function restored(
  { bus, cut, from }: Epoch,
  cuts: CutsOfPast,
  { partition, address }: Sought,
): Promise<Anchor | undefined> {
  if (cut === undefined) return undefined
  return await opened(cuts, cut, async (view) => {
    // With another number of partitions each begins to count anew.
    const isSame = view.manifest.partitions === bus.realm.partitions
    const n = isSame ? (await view.slice(partition)).position.n : 1
    return { is: 'restored', n, seq: from, state: await stateIn(view, address), cut } as const
  })
}

/** One that is damaged or gone is no reason to fail: there is another way. */
async function opened<T>(cuts: CutsOfPast, id: string, look: (view: CutView) => Promise<T>): Promise<T | undefined> {
  try {
    return await look(await openCut(cuts, id))
  } catch (error) {
    if (isFault(error) && /^cuts?\./.test(error.code)) return undefined
    throw error
  }
}

async function stateIn(view: CutView, address: Address): Promise<unknown[] | undefined> {
  const bytes = await view.state(address)
  return bytes === undefined ? undefined : (decode(bytes) as unknown[])
}

async function inBase(
  { bus }: Epoch,
  readBase: ReadBase,
  { partition, address, bound }: Sought,
): Promise<Anchor | undefined> {
  const base = (await newestBases(bus)).get(partition)
  const bytes = base === undefined ? undefined : await bus.blobs.get(base.name)
  if (bytes === undefined) return undefined
  const { name: realm, generation, partitions } = bus.realm
  const reader = await readBase(
    bytes,
    { realm, generation, partitions, log: '' },
    {
      segmentOf: segmentsBeside(bus),
    },
  )
  const { n, seq, at } = reader.header.partition
  if (!isWithin(bound, { seq, at })) return undefined
  for await (const frame of reader.frames())
    for (const [one, state] of frame)
      if (one === address) return { is: 'base', n, seq, state: decode(state) as unknown[] }
  return { is: 'base', n, seq, state: undefined }
}
