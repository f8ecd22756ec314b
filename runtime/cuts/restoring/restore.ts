/**
 * Restores a cut: the realm goes on from that instant, as its next generation. It serves "seal all
 * partitions, load slices, append what was in flight, then open". Invariants: everything is looked
 * at before anything is changed; nobody serves the new generation before all of it is there; what
 * was alive before is refused from the seal on; one that dies in between is begun again by the next.
 */
import type { CutSlice, SegmentRef } from '#protocol/cut.ts'
import type { Fork } from '#protocol/fork.ts'
import { encodeRecord } from '#protocol/record.ts'
import { encodeStandstill, standstillNote } from '#protocol/standstill.ts'
import { subjects } from '#protocol/subject.ts'
import type { Bus, Registry } from '#runtime/bus.ts'
import type { Clock } from '#runtime/clock.ts'
import { incarnationOf, positionAt, sequenceIn } from '#runtime/core/incarnations.ts'
import { encodeMendRow, type MendRow } from '#runtime/core/mend-row.ts'
import type { Generations } from '#runtime/generations.ts'
import { trace } from '#runtime/trace.ts'
import { type CutView, slicesOf } from '#runtime/cuts/reading/open-cut.ts'
import { inOrder } from '#runtime/cuts/reading/in-order.ts'
import { keptPositions } from './check-table.ts'
import { batchesOf } from './entry-batches.ts'
import { putFlights } from './put-flights.ts'
import { instantOf, putKinds } from './put-kinds.ts'
import { canLieUnder, putLayers, type SealedBaseOf } from './put-layers.ts'
import { putParked } from './put-parked.ts'
import { putReplay } from './put-replay.ts'
import { type BaseOf, putStates } from './put-states.ts'
import type { Came } from './replay.ts'
import { restorer } from './restorer.ts'
import { epochsOf, sharesOf } from './shares.ts'

export type RestoreWorld = {
  readonly generations: Generations
  readonly clock: Clock
  readonly baseOf: BaseOf
  /** Without it nothing is restored lazily. */
  readonly sealedBaseOf?: SealedBaseOf | undefined
  /** All of it is there, and nobody serves it yet. */
  readonly beforeOpen?: ((bus: Bus) => Promise<void>) | undefined
}

/** `deadline`: instants stay what they were. `shifted`: they move by the time between the cut and now. `frozen`: nothing fires until somebody thaws them. */
export type TimerChoice = 'deadline' | 'shifted' | 'frozen'

export type RestoreOptions = {
  /** By default as many as the cut has. */
  readonly partitions?: number | undefined
  /** By default `deadline`. */
  readonly timers?: TimerChoice | undefined
  /**
   * Its nodes serve before they have unpacked what is restored, where that can be. They need the key
   * of the cut for it, and this release.
   */
  readonly isLazy?: boolean | undefined
  /** Its nodes find the segments of the cut beside it for as long as they need them: nothing is copied. */
  readonly isShared?: boolean | undefined
  /** What `verified` gave, when somebody looked at all of it already. */
  readonly looked?: readonly CutSlice[] | undefined
  /** What is delivered again of what came from outside after the cut; asked for once nothing more can come. */
  readonly replay?: (() => AsyncIterable<Came>) | undefined
  /** Into a scratch realm: nobody is told that one was restored. */
  readonly isDrill?: boolean | undefined
  /** Into a realm beside the one that the cut is of: what that is, and where its definitions are found. */
  readonly fork?: { readonly of: Fork; readonly kinds: Registry | undefined } | undefined
}

export type RestoreProgress = {
  readonly is: 'verified' | 'sealed' | 'states' | 'flights' | 'replayed' | 'open'
  readonly done: number
  /** Nothing where nobody knows before the end. */
  readonly of: number | undefined
}

export type OnProgress = (progress: RestoreProgress) => void

export type Restored = {
  readonly generation: number
  readonly partitions: number
  readonly actors: number
  readonly envelopes: number
  readonly replayed: number
}

export async function restoreCut(
  { generations, clock, baseOf, sealedBaseOf, beforeOpen }: RestoreWorld,
  view: CutView,
  options: RestoreOptions,
  onProgress: OnProgress,
): Promise<Restored> {
  const { manifest } = view
  const slices = options.looked ?? (await verified(view, onProgress))
  const kept = await keptPositions(view, generations.maxPayload)
  const shiftMs = options.timers === 'shifted' ? Math.max(0, clock.now() - manifest.begunAt) : 0
  const present = await generations.newest()
  const generation = await generations.reserve(Math.max(present?.realm.generation ?? 0, manifest.generation))
  // What an earlier attempt left half made serves nobody.
  await generations.discard(generation)
  await generations.seal()
  onProgress({ is: 'sealed', done: 1, of: 1 })
  const sealed = await generations.newest()
  const last = Math.max(
    sealed?.lastSeq ?? 0,
    ...slices.map(({ position, marker }) => sequenceIn(Math.max(position.seq, marker))),
  )
  const partitions = options.partitions ?? manifest.partitions
  const bus = await generations.begin({ generation, partitions, firstSeq: last + 1, fork: options.fork?.of })
  try {
    const incarnation = Math.max(...slices.map(({ position }) => incarnationOf(position.seq))) + 1
    const start = { after: last, incarnation }
    const epochs = epochsOf(slices, partitions)
    await putKinds(bus, await instantOf(generations, view), options.fork?.kinds)
    const claims = await claimAll(bus, epochs, clock)
    const seqs = claims.map((seq) => positionAt(incarnation, seq))
    const shares = sharesOf(slices, { partitions, seqs, epochs })
    const filling = { view, shares, shiftMs }
    const actors =
      options.isLazy === true && sealedBaseOf !== undefined && canLieUnder(filling, partitions)
        ? await putLayers({ bus, sealedBaseOf, isShared: options.isShared === true }, filling, onProgress)
        : await putStates({ bus, baseOf }, filling, onProgress)
    const { envelopes, row } = await putFlights(bus, { ...filling, start, kept }, onProgress)
    await putParked(bus, view)
    const isSame = partitions === manifest.partitions
    const replayed = options.replay === undefined ? 0 : await putReplay(bus, options.replay(), { isSame, onProgress })
    await putEnd(bus, row)
    if (options.timers === 'frozen') await stopTimers(bus, manifest.begunAt)
    await beforeOpen?.(bus)
    await generations.open(generation)
    onProgress({ is: 'open', done: 1, of: 1 })
    if (options.isDrill !== true && options.fork === undefined)
      trace({ is: 'realm.restored', cut: manifest.id, generation, partitions, actors, envelopes })
    return { generation, partitions, actors, envelopes, replayed }
  } finally {
    await bus.close()
  }
}

/** While one is hashed, others are read and unpacked. */
const checkedAtOnce = 4

/** Noted before anybody may serve it. */
async function stopTimers({ notes, realm: { generation } }: Bus, since: number): Promise<void> {
  await notes.put(standstillNote, encodeStandstill({ generation, since, until: undefined }))
}

/** Every segment opens and unpacks, before anything is changed; rows are what their maker sealed. */
export async function verified(view: CutView, onProgress: OnProgress): Promise<readonly CutSlice[]> {
  const slices = await slicesOf(view)
  const segments = [...(await view.segments()).values()]
  let done = 0
  const check = async (ref: SegmentRef): Promise<void> => {
    await view.check(ref)
    onProgress({ is: 'verified', done: ++done, of: segments.length })
  }
  await inOrder(segments, check, checkedAtOnce)
  return slices
}

/**
 * First of all, so that each base says where the claim stands that it goes on from: whoever follows
 * looks whether what it has last is on the log. Says where each stands.
 */
async function claimAll(bus: Bus, epochs: readonly number[], clock: Clock): Promise<readonly number[]> {
  const { realm } = bus
  const entries = epochs.map((epoch, partition) => ({
    subject: subjects.commit(realm, partition),
    data: encodeRecord({
      is: 'claim',
      generation: realm.generation,
      partition,
      epoch,
      previous: 0,
      nonce: restorer,
      node: restorer,
      at: clock.now(),
    }),
  }))
  const seqs: number[] = []
  for await (const batch of batchesOf(entries, ({ data }) => data.length)) {
    const { seq } = await bus.appendAll(batch)
    seqs.push(...batch.map((_, at) => seq - batch.length + 1 + at))
  }
  return seqs
}

/** What stands before this was put there by the restore; what comes behind it is new. */
async function putEnd(bus: Bus, row: MendRow): Promise<void> {
  const { lastSeq } = await bus.logState()
  const ended = { ...row, report: { ...row.report, to: lastSeq } }
  await bus.append({ subject: subjects.mended(bus.realm), data: encodeMendRow(ended, []) })
}
