/**
 * Restores a cut: the realm goes on from that instant, as its next generation. It serves "seal all
 * partitions, load slices, append what was in flight, then open". Invariants: everything is looked
 * at before anything is changed; nobody serves the new generation before all of it is there; what
 * was alive before is refused from the seal on; one that dies in between is begun again by the next.
 */
import { decodeEnvelope, encodeEnvelope } from '#protocol/envelope.ts'
import type { CutSlice, FlightRow, StateRow } from '#protocol/cut.ts'
import type { ClientMark, FoldedPartition } from '#protocol/folded.ts'
import { partitionOf } from '#protocol/partition.ts'
import { encodeRecord } from '#protocol/record.ts'
import { parseStored, subjects } from '#protocol/subject.ts'
import type { StoreIdentity } from '#store/store.ts'
import type { Bus, Entry } from '#runtime/bus.ts'
import type { Clock } from '#runtime/clock.ts'
import { incarnationOf, positionAt, sequenceIn } from '#runtime/core/incarnations.ts'
import { encodeMendRow, type MendRow } from '#runtime/core/mend-row.ts'
import type { Generations } from '#runtime/generations.ts'
import { trace } from '#runtime/trace.ts'
import type { CutView } from './open-cut.ts'
import { type Shares, sharesOf } from './shares.ts'

export type RestoreWorld = {
  readonly generations: Generations
  readonly clock: Clock
  /** A partition as a base, from which nodes begin. */
  readonly baseOf: (header: BaseHeader, rows: AsyncIterable<StateRow>) => Promise<Uint8Array>
}

export type BaseHeader = {
  readonly identity: StoreIdentity
  readonly partition: FoldedPartition
  readonly clients: readonly ClientMark[]
}

export type RestoreOptions = {
  /** By default as many as the cut has. */
  readonly partitions?: number | undefined
}

export type RestoreProgress = {
  readonly is: 'verified' | 'sealed' | 'states' | 'flights' | 'open'
  readonly done: number
  readonly of: number
}

export type Restored = {
  readonly generation: number
  readonly partitions: number
  readonly actors: number
  readonly envelopes: number
}

/** Entries of a batch, the table of positions aside. */
const batchEntries = 900

export async function restoreCut(
  world: RestoreWorld,
  view: CutView,
  options: RestoreOptions,
  onProgress: (progress: RestoreProgress) => void,
): Promise<Restored> {
  const { generations } = world
  const { manifest } = view
  const slices = await verified(view, onProgress)
  // What an earlier attempt left half made serves nobody.
  await generations.discard()
  const before = await generations.newest()
  await generations.seal()
  onProgress({ is: 'sealed', done: 1, of: 1 })
  const sealed = await generations.newest()
  const last = Math.max(
    sealed?.lastSeq ?? 0,
    ...slices.map(({ position, marker }) => sequenceIn(Math.max(position.seq, marker))),
  )
  const partitions = options.partitions ?? manifest.partitions
  const generation = Math.max(before?.realm.generation ?? 0, manifest.generation) + 1
  const bus = await generations.begin({ generation, partitions, firstSeq: last + 1 })
  try {
    const incarnation = Math.max(...slices.map(({ position }) => incarnationOf(position.seq))) + 1
    const start = { after: last, incarnation }
    const shares = sharesOf(slices, { partitions, seq: positionAt(incarnation, last + 1) })
    const actors = await putStates({ ...world, bus }, { view, shares }, onProgress)
    const envelopes = await putFlights(bus, { view, shares, start }, onProgress)
    await claimAll(bus, shares, world.clock)
    await generations.open()
    onProgress({ is: 'open', done: 1, of: 1 })
    trace({ is: 'realm.restored', cut: manifest.id, generation, partitions, actors, envelopes })
    return { generation, partitions, actors, envelopes }
  } finally {
    await bus.close()
  }
}

/** Every segment opens, before anything is changed. */
async function verified(view: CutView, onProgress: (progress: RestoreProgress) => void): Promise<readonly CutSlice[]> {
  const slices = await Promise.all(view.manifest.slices.map(({ partition }) => view.slice(partition)))
  const segments = [...(await view.segments()).values()]
  for (const [at, ref] of segments.entries()) {
    await view.check(ref)
    onProgress({ is: 'verified', done: at + 1, of: segments.length })
  }
  return slices
}

type Placed = { readonly view: CutView; readonly shares: Shares }

async function putStates(
  { bus, baseOf }: RestoreWorld & { readonly bus: Bus },
  { view, shares }: Placed,
  onProgress: (progress: RestoreProgress) => void,
): Promise<number> {
  const { realm } = bus
  const { createdAt } = await bus.logState()
  const identity = { realm: realm.name, generation: realm.generation, partitions: realm.partitions, log: createdAt }
  let actors = 0
  for (const share of shares.all) {
    const rows = counted(share.from.map((partition) => view.states(partition)))
    const clients = await clientsOf(view, share.from)
    const base = await baseOf({ identity, partition: share.position, clients }, rows)
    await bus.blobs.put(`base.${share.partition}.${share.position.n}`, base)
    onProgress({ is: 'states', done: share.partition + 1, of: realm.partitions })

    async function* counted(sources: readonly AsyncGenerator<StateRow>[]): AsyncGenerator<StateRow> {
      for (const source of sources)
        for await (const row of source) {
          if (partitionOf(row[0], realm.partitions) !== share.partition) continue
          actors++
          yield row
        }
    }
  }
  return actors
}

/** A session may have sent to any of them: the highest number counts. */
async function clientsOf(view: CutView, from: readonly number[]): Promise<ClientMark[]> {
  const marks = new Map<string, ClientMark>()
  for (const partition of from)
    for await (const mark of view.clients(partition))
      if (mark[1] > (marks.get(mark[0])?.[1] ?? -1)) marks.set(mark[0], mark)
  return [...marks.values()]
}

type Start = { readonly after: number; readonly incarnation: number }

async function putFlights(
  bus: Bus,
  { view, shares, start }: Placed & { readonly start: Start },
  onProgress: (progress: RestoreProgress) => void,
): Promise<number> {
  const { realm } = bus
  const of = view.manifest.channels.reduce((sum, [, , count]) => sum + count, 0)
  let row: MendRow = {
    mends: [[start.after, start.incarnation]],
    lineage: [[start.incarnation, view.manifest.id]],
    pieces: [],
    isOpen: false,
    report: { from: 0, to: 0, entries: 0, missing: 0, at: view.manifest.begunAt, node: 'restore' },
  }
  let batch: Flown[] = []
  let done = 0

  async function put(): Promise<void> {
    const positions = batch.flatMap(({ position }) => (position === undefined ? [] : [position]))
    const table: Entry = { subject: subjects.mended(realm), data: encodeMendRow(row, positions) }
    const { seq } = await bus.appendAll([table, ...batch.map(({ entry }) => entry)])
    const first = seq - batch.length
    row = {
      ...row,
      pieces: [...row.pieces, ...positions.map((position, at) => [first + 1 + at, position, 1] as const)],
    }
    done += batch.length
    batch = []
    onProgress({ is: 'flights', done, of })
  }

  // Emitted events keep their positions, because subscribers remember them; in a batch they come first.
  for (const isKept of [true, false]) {
    for await (const flight of view.flights()) {
      const flown = flownOf(bus, shares, flight)
      if ((flown.position !== undefined) !== isKept) continue
      batch.push(flown)
      if (batch.length >= batchEntries) await put()
    }
    if (isKept || batch.length > 0) await put()
  }
  return done
}

type Flown = { readonly entry: Entry; readonly position: number | undefined }

function flownOf({ realm }: Bus, shares: Shares, [position, subject, data]: FlightRow): Flown {
  const stored = parseStored(subject)
  if (stored.is !== 'in') return { entry: { subject, data }, position }
  const { address, sender } = stored
  const to = partitionOf(address, realm.partitions)
  if (sender === 'x') return { entry: { subject: subjects.in(realm, to, 'x', address), data }, position: undefined }
  const { envelope } = decodeEnvelope(address, data)
  const sent = { ...envelope, generation: realm.generation }
  if (typeof sender !== 'number')
    return {
      entry: { subject: subjects.in(realm, to, sender, address), data: encodeEnvelope(sent) },
      position: undefined,
    }
  const as = shares.senderOf(sender, envelope)
  const entry = {
    subject: subjects.in(realm, to, as.partition, address),
    data: encodeEnvelope({ ...sent, n: as.n, index: as.index }),
  }
  return { entry, position: undefined }
}

/** So that a node finds that there is something before it: a partition without a record has no state. */
async function claimAll(bus: Bus, { all }: Shares, clock: Clock): Promise<void> {
  const { realm } = bus
  const entries = all.map(({ partition, position }) => ({
    subject: subjects.commit(realm, partition),
    data: encodeRecord({
      is: 'claim',
      generation: realm.generation,
      partition,
      epoch: position.epoch,
      previous: 0,
      nonce: 'restore',
      node: 'restore',
      at: clock.now(),
    }),
  }))
  await bus.appendAll(entries)
}
