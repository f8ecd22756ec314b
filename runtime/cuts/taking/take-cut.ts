/**
 * Takes a cut: markers into all mailboxes in one batch, then it waits for the slices, gathers what
 * was in flight, and writes the manifest last. Invariants: the realm is never stopped for it; a cut
 * that meets a crash or its deadline is abandoned, says so, and disturbs neither the realm nor the
 * next one; it exists from the moment at which its note says that it is whole, not before.
 */
import { nuid } from '@nats-io/nats-core'
import { encodeCutCall, encodeMarker } from '#protocol/cut-call.ts'
import { cutFormat } from '#protocol/cut-format.ts'
import {
  type CutManifest,
  cutNames,
  type CutNote,
  type CutSlice,
  encodeManifest,
  type KindInCut,
  type Layer,
  type SegmentRef,
  signedBytesOf,
  type SliceRef,
} from '#protocol/cut.ts'
import { encodeTree } from '#protocol/codec.ts'
import { Fault, isFault, storedFaultOf } from '#protocol/fault.ts'
import { subjects } from '#protocol/subject.ts'
import type { Archive } from '#store/archive.ts'
import type { Bus } from '#runtime/bus.ts'
import type { Clock } from '#runtime/clock.ts'
import { incarnationOf } from '#runtime/core/incarnations.ts'
import type { Recorded } from '#runtime/core/in-flight.ts'
import { trace } from '#runtime/trace.ts'
import { awaitSlices, type Found } from './await-slices.ts'
import type { Bundle } from '#protocol/bundle.ts'
import type { CutShelf } from '#runtime/cuts/reading/cut-shelf.ts'
import { sumsOf } from '#runtime/cuts/reading/cut-sums.ts'
import { type Flights, gatherFlights } from './gather-flights.ts'
import { gatherParked } from './gather-parked.ts'
import { keepMost } from './record-slice.ts'

export type TakeOptions = {
  readonly name: string
  readonly release: string
  /** When the slices are not there by then, the cut is abandoned. */
  readonly cutDeadlineMs: number
}

export type TakeWorld = {
  readonly bus: Bus
  readonly archive: Archive
  readonly clock: Clock
  readonly shelf: CutShelf
  readonly kinds: () => readonly KindInCut[]
  /** Nothing is trimmed while a cut that is not archived may refer to it. */
  readonly holdTrim: () => () => void
}

export type Asked = { readonly name: string | undefined; readonly by: string }

/** `begun` is there once the markers are stored; `whole` ends with the cut, or with why there is none. */
export type Taking = { readonly id: string; readonly begun: Promise<void>; readonly whole: Promise<CutManifest> }

export function takeCut(world: TakeWorld, asked: Asked, options: TakeOptions): Taking {
  const { clock } = world
  const id = `${clock.now().toString(36)}-${nuid.next().slice(-6).toLowerCase()}`
  const begun = Promise.withResolvers<void>()
  const whole = take(world, { id, ...asked, begun: begun.resolve }, options)
  whole.catch(begun.reject)
  begun.promise.catch(() => undefined)
  return { id, begun: begun.promise, whole }
}

type Begun = Asked & { readonly id: string; readonly begun: () => void }

async function take(world: TakeWorld, cut: Begun, options: TakeOptions): Promise<CutManifest> {
  const { bus, clock, shelf } = world
  const release = world.holdTrim()
  const awaited = awaitSlices(world, cut.id)
  let note = noteOf(bus, clock, cut, options)
  try {
    // Each over the one before: whoever gave this cut up, or removed it, is not overruled.
    let revision = await shelf.setNote(note, 0)
    const incarnation = await incarnationNow(bus)
    await mark(bus, cut.id, clock.now())
    trace({ is: 'cut.begun', cut: cut.id, by: cut.by })
    cut.begun()
    const slices = await awaited.all(note.deadline, options.cutDeadlineMs)
    const recordedAt = Math.max(...slices.map(({ slice }) => slice.at))
    trace({
      is: 'cut.recorded',
      cut: cut.id,
      bytes: encodeTree(slices.map(({ slice }) => recordedOf(slice))).length,
      ms: recordedAt - note.begunAt,
    })
    note = { ...note, state: 'recorded', at: clock.now(), deadline: clock.now() + options.cutDeadlineMs }
    revision = await shelf.setNote(note, revision)
    const manifest = await finish(world, { note, slices, recordedAt, incarnation }, options)
    note = { ...note, state: 'whole', at: manifest.wholeAt, ...sumsOf(manifest) }
    await shelf.setNote(note, revision)
    trace({
      is: 'cut.whole',
      cut: cut.id,
      actors: note.actors,
      inFlight: note.inFlight,
      bytes: note.added,
      ms: note.at - note.begunAt,
    })
    return manifest
  } catch (error) {
    const fault = storedFaultOf(error)
    trace({ is: 'cut.abandoned', cut: cut.id, fault })
    // Whoever cannot write it now is found out by the deadline.
    await giveUp(shelf, cut.id, { at: clock.now(), reason: reasonOf(error, fault.message) }).catch(() => undefined)
    throw error
  } finally {
    awaited.stop()
    release()
  }
}

/** As part of the sentence that says that it was abandoned. */
function reasonOf(error: unknown, message: string): string {
  return isFault(error, 'cut.abandoned') ? String(error.details['reason']) : message.replace(/\.$/, '')
}

/** What a mending appends again is not what was there when a partition recorded. */
async function incarnationNow(bus: Bus): Promise<number> {
  return incarnationOf((await bus.logState()).lastSeq)
}

/** A cut that is being made; one that is whole, or removed, stays so. */
export function giveUp(
  shelf: Pick<CutShelf, 'changeNote'>,
  cut: string,
  why: { readonly at: number; readonly reason: string },
): Promise<CutNote | undefined> {
  return shelf.changeNote(cut, (note) =>
    note.state === 'begun' || note.state === 'recorded' ? { ...note, ...why, state: 'abandoned' } : undefined,
  )
}

function noteOf(bus: Bus, clock: Clock, { id, name, by }: Begun, options: TakeOptions): CutNote {
  const now = clock.now()
  return {
    id,
    name,
    state: 'begun',
    begunAt: now,
    at: now,
    node: options.name,
    generation: bus.realm.generation,
    actors: 0,
    inFlight: 0,
    added: 0,
    bytes: 0,
    reason: undefined,
    by,
    deadline: now + options.cutDeadlineMs,
  }
}

/**
 * One batch: all markers stand before anything that anybody sends after having recorded. What is
 * emitted goes through no mailbox, so one more stands among the emitted events, before the others.
 */
async function mark(bus: Bus, id: string, at: number): Promise<void> {
  const { realm } = bus
  const data = encodeMarker(realm.generation, at)
  const mailboxes = Array.from({ length: realm.partitions }, (_, partition) => subjects.marker(realm, partition, id))
  // An unknown outcome ends this cut: markers that are stored after all are consumed, and nothing comes of them.
  const { seq } = await bus.appendAll(
    [subjects.topicMarker(realm, id), ...mailboxes].map((subject) => ({ subject, data })),
  )
  const markers = mailboxes.map((_, partition) => seq - (mailboxes.length - 1 - partition))
  bus.tell(subjects.cutCalled(realm), encodeCutCall({ id, markers }))
}

type Sliced = {
  readonly note: CutNote
  readonly slices: readonly Found[]
  readonly recordedAt: number
  readonly incarnation: number
}

async function finish(
  world: TakeWorld,
  { note, slices, recordedAt, incarnation }: Sliced,
  options: TakeOptions,
): Promise<CutManifest> {
  const { bus, clock, shelf, archive } = world
  const { flights, parked, flown } = await gathered(world, note, slices)
  if ((await incarnationNow(bus)) !== incarnation)
    throw abandoned(note.id, 'the log lost its end meanwhile and was mended, so what was in flight is not certain')
  const { realm } = bus
  const { createdAt } = await bus.logState()
  const unsigned = {
    format: cutFormat,
    id: note.id,
    name: note.name,
    realm: realm.name,
    generation: realm.generation,
    partitions: realm.partitions,
    log: createdAt,
    by: note.by,
    release: options.release,
    begunAt: note.begunAt,
    recordedAt,
    wholeAt: clock.now(),
    slices: slices.map((found) => refOf(found, archive.hashOf)),
    flights: flights.layer,
    parked,
    channels: flights.channels,
    kinds: world.kinds(),
    base: undefined,
    added: flown + slices.reduce((sum, { slice }) => sum + slice.added, 0),
    signer: archive.signer,
  }
  const manifest = { ...unsigned, signature: archive.sign(signedBytesOf(unsigned)) }
  await shelf.keepDocument(cutNames.manifest(note.id), encodeManifest(manifest))
  return manifest
}

type Gathered = { readonly flights: Flights; readonly parked: Layer; readonly flown: number }

/** No longer than until the deadline: the log is not trimmed meanwhile. */
async function gathered(
  { bus, clock, shelf }: TakeWorld,
  { id, deadline }: CutNote,
  slices: readonly Found[],
): Promise<Gathered> {
  let flown = 0
  const keep = async (bundle: Bundle): Promise<SegmentRef> => {
    const ref = await shelf.keep(bundle)
    flown += ref.bytes
    return ref
  }
  const giving = new AbortController()
  const alarm = clock.at(deadline, () =>
    giving.abort(abandoned(id, 'what was in flight could not be read and stored by its deadline')),
  )
  try {
    const recorded = slices.map(({ slice }) => recordedOf(slice))
    const { signal } = giving
    const flights = await gatherFlights(bus, recorded, { keep, keepMost, signal })
    const parked = await gatherParked({ bus, shelf }, recorded, { keep, signal })
    return { flights, parked, flown }
  } finally {
    alarm.cancel()
  }
}

function abandoned(value: string, reason: string): Fault {
  return new Fault('cut.abandoned', { value, reason })
}

function recordedOf({ partition, marker, position, unheard }: CutSlice): Recorded {
  return { partition, marker, commit: position.seq, cursor: position.cursor, marks: position.marks, unheard }
}

function refOf({ slice, bytes }: Found, hashOf: (bytes: Uint8Array) => string): SliceRef {
  return {
    partition: slice.partition,
    hash: hashOf(bytes),
    marker: slice.marker,
    commit: slice.position.seq,
    n: slice.position.n,
    actors: Object.values(slice.census.kinds).reduce((sum, count) => sum + count, 0),
    bytes: [...slice.layers.flat(), ...slice.clients].reduce((sum, one) => sum + one.bytes, 0),
  }
}
