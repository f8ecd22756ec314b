/** Cuts made by hand, with the states that a test wants, stored as a node stores them. */
import { bundleOf } from '#protocol/bundle.ts'
import { cutFormat } from '#protocol/cut-format.ts'
import {
  type Channel,
  cutNames,
  type CutManifest,
  type CutNote,
  type CutSlice,
  encodeManifest,
  encodeSlice,
  type FlightRow,
  type Layer,
  signedBytesOf,
  type StateRow,
} from '#protocol/cut.ts'
import { type Address, kindOf } from '#protocol/address.ts'
import { partitionOf } from '#protocol/partition.ts'
import { encodeState } from '#protocol/state.ts'
import { parseStored } from '#protocol/subject.ts'
import type { Bus } from '#runtime/bus.ts'
import { type CutShelf, cutShelfOf } from '#runtime/cuts/reading/cut-shelf.ts'
import { sumsOf } from '#runtime/cuts/reading/cut-sums.ts'
import type { Archive } from '#store/archive.ts'

export type Maker = { readonly bus: Bus; readonly archive: Archive; readonly shelf: CutShelf }

export function makerOf(bus: Bus, archive: Archive): Maker {
  return { bus, archive, shelf: cutShelfOf({ bus, archive }) }
}

export type Wanted = {
  readonly id: string
  readonly name?: string
  readonly by?: string
  readonly begunAt?: number
  /** Where its last marker commit stands. */
  readonly commit?: number
  readonly state?: CutNote['state']
  /** Contexts by address; null hides an actor of the base. */
  readonly actors: Readonly<Record<string, unknown>>
  /** Its layers lie below those of this one. */
  readonly base?: CutManifest
  readonly flights?: readonly FlightRow[]
  /** Rows of one segment, of actors and of flights. */
  readonly rowsMost?: number
  readonly flightsMost?: number
}

export async function keepCut(maker: Maker, wanted: Wanted): Promise<CutManifest> {
  const { bus, archive, shelf } = maker
  const { realm } = bus
  const slices: { readonly slice: CutSlice; readonly bytes: Uint8Array }[] = []
  for (let partition = 0; partition < realm.partitions; partition++) {
    const slice = await sliceOf(maker, wanted, partition)
    const bytes = encodeSlice(slice)
    await shelf.keepDocument(cutNames.slice(wanted.id, partition), bytes)
    slices.push({ slice, bytes })
  }
  const flights = await layerOf(
    shelf,
    wanted.flights ?? [],
    ([position]) => String(position),
    wanted.flightsMost ?? 100,
  )
  const begunAt = wanted.begunAt ?? 1_000
  const unsigned = {
    format: cutFormat,
    id: wanted.id,
    name: wanted.name,
    realm: realm.name,
    generation: realm.generation,
    partitions: realm.partitions,
    log: (await bus.logState()).createdAt,
    by: wanted.by ?? 'test',
    release: '0',
    begunAt,
    recordedAt: begunAt + 1,
    wholeAt: begunAt + 2,
    slices: slices.map(({ slice, bytes }) => ({
      partition: slice.partition,
      hash: archive.hashOf(bytes),
      marker: slice.marker,
      commit: slice.position.seq,
      n: slice.position.n,
      actors: Object.values(slice.census.kinds).reduce((sum, count) => sum + count, 0),
      bytes: slice.layers.flat().reduce((sum, one) => sum + one.bytes, 0),
    })),
    flights,
    channels: channelsOf(wanted.flights ?? [], realm.partitions),
    kinds: [{ kind: 'order', version: 1, hash: 'h' }],
    base: undefined,
    added: 0,
    signer: archive.signer,
  }
  const manifest = { ...unsigned, signature: archive.sign(signedBytesOf(unsigned)) }
  await shelf.keepDocument(cutNames.manifest(wanted.id), encodeManifest(manifest))
  await shelf.setNote(noteOf(manifest, wanted.state ?? 'whole'))
  return manifest
}

export function noteOf(manifest: CutManifest, state: CutNote['state']): CutNote {
  const { id, name, begunAt, wholeAt: at, generation, by } = manifest
  return {
    id,
    name,
    state,
    begunAt,
    at,
    node: 'test',
    generation,
    ...sumsOf(manifest),
    reason: undefined,
    by,
    deadline: at,
  }
}

function channelsOf(flights: readonly FlightRow[], partitions: number): Channel[] {
  const counts = new Map<string, Channel>()
  for (const [, subject] of flights) {
    const stored = parseStored(subject)
    if (stored.is !== 'in' && stored.is !== 'ev') continue
    const from = stored.is === 'in' ? String(stored.sender) : 'ev'
    const to = stored.is === 'in' ? stored.partition : partitionOf(stored.address, partitions)
    const [, , count] = counts.get(`${from} ${to}`) ?? [from, to, 0]
    counts.set(`${from} ${to}`, [from, to, count + 1])
  }
  return [...counts.values()]
}

async function sliceOf({ shelf, bus }: Maker, wanted: Wanted, partition: number): Promise<CutSlice> {
  const { partitions } = bus.realm
  const rows = (Object.entries(wanted.actors) as [Address, unknown][])
    .filter(([address]) => partitionOf(address, partitions) === partition)
    .map(([address, context]): StateRow => [address, context === null ? null : stateOf(context)])
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
  const layer = await layerOf(shelf, rows, ([address]) => address, wanted.rowsMost ?? 10)
  const below = wanted.base === undefined ? [] : ((await shelf.slice(wanted.base.id, partition))?.layers ?? [])
  const clients = await layerOf(shelf, [['session', 1, 1] as const], ([session]) => session, 10)
  const kinds: Record<string, number> = {}
  for (const [address, state] of rows) if (state !== null) kinds[kindOf(address)] = (kinds[kindOf(address)] ?? 0) + 1
  return {
    format: cutFormat,
    cut: wanted.id,
    partition,
    marker: 1,
    position: {
      ...{
        partition,
        epoch: 1,
        n: 1,
        seq: wanted.commit ?? 1,
        cursor: 1,
        heard: 0,
        awayMs: 0,
        openedAt: 0,
        at: 1,
        marks: {},
      },
    },
    clients,
    layers: layer.length === 0 ? below : [layer, ...below],
    census: { kinds, timers: 0, effects: 0, subscribed: 0 },
    unheard: [],
    node: 'test',
    at: 1,
    added: 0,
  }
}

export function stateOf(context: unknown): Uint8Array {
  return encodeState({
    version: 1,
    hash: 'h',
    snapshot: { status: 'active', value: 'open', context, history: undefined, output: undefined, error: undefined },
    book: {},
    visits: 0,
    steps: 1,
    bornAt: 1,
    steppedAt: 1,
  })
}

async function layerOf<T>(
  shelf: CutShelf,
  rows: readonly T[],
  keyOf: (row: T) => string,
  most: number,
): Promise<Layer> {
  const layer = []
  for (let at = 0; at < rows.length; at += most) {
    const some = rows.slice(at, at + most)
    layer.push(await shelf.keep(bundleOf(some, { first: keyOf(some[0] as T), last: keyOf(some.at(-1) as T) })))
  }
  return layer
}
