/**
 * Takes a cut: markers into all mailboxes in one batch, then it waits for the slices, gathers what
 * was in flight, and writes the manifest last. Invariants: the realm is never stopped for it; a cut
 * that meets a crash or its deadline is abandoned, says so, and disturbs neither the realm nor the
 * next one; it exists from the moment at which its note says that it is whole, not before.
 */
import { nuid } from '@nats-io/nats-core'
import {
  type CutManifest,
  cutFormat,
  cutNames,
  type CutNote,
  type CutSlice,
  decodeSlice,
  encodeCutCall,
  encodeManifest,
  encodeMarker,
  type KindInCut,
  type SegmentRef,
  signedBytesOf,
  type SliceRef,
} from '#protocol/cut.ts'
import { Fault, storedFaultOf } from '#protocol/fault.ts'
import { subjects } from '#protocol/subject.ts'
import type { Archive } from '#store/archive.ts'
import type { Bus } from '#runtime/bus.ts'
import type { Clock } from '#runtime/clock.ts'
import type { Recorded } from '#runtime/core/in-flight.ts'
import { trace } from '#runtime/trace.ts'
import type { Bundle } from './bundles.ts'
import type { CutShelf } from './cut-shelf.ts'
import { gatherFlights } from './gather-flights.ts'

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

type Marked = { readonly note: CutNote; readonly markers: readonly number[] }

async function take(world: TakeWorld, cut: Begun, options: TakeOptions): Promise<CutManifest> {
  const { bus, clock, shelf } = world
  const release = world.holdTrim()
  let note = noteOf(bus, clock, cut, options)
  try {
    await shelf.setNote(note)
    const markers = await mark(bus, cut.id, clock.now())
    trace({ is: 'cut.begun', cut: cut.id, by: cut.by })
    cut.begun()
    const slices = await slicesOf(world, { note, markers }, options)
    const recordedAt = Math.max(...slices.map(({ slice }) => slice.at))
    note = { ...note, state: 'recorded', at: clock.now(), deadline: clock.now() + options.cutDeadlineMs }
    await shelf.setNote(note)
    const manifest = await finish(world, { note, slices, recordedAt }, options)
    note = { ...note, state: 'whole', at: manifest.wholeAt, ...sumsOf(manifest) }
    await shelf.setNote(note)
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
    await shelf.setNote({ ...note, state: 'abandoned', at: clock.now(), reason: fault.message }).catch(() => undefined)
    throw error
  } finally {
    release()
  }
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

/** One batch: all markers stand before anything that anybody sends after having recorded. */
async function mark(bus: Bus, id: string, at: number): Promise<readonly number[]> {
  const { realm } = bus
  const data = encodeMarker(realm.generation, at)
  const entries = Array.from({ length: realm.partitions }, (_, partition) => ({
    subject: subjects.marker(realm, partition, id),
    data,
  }))
  // An unknown outcome ends this cut: markers that are stored after all are consumed, and nothing comes of them.
  const { seq } =
    entries.length === 1 ? await bus.append(entries[0] as (typeof entries)[0]) : await bus.appendAll(entries)
  const markers = entries.map((_, partition) => seq - (entries.length - 1 - partition))
  bus.tell(subjects.cutCalled(realm), encodeCutCall({ id, markers }))
  return markers
}

type Found = { readonly slice: CutSlice; readonly bytes: Uint8Array }

const lookMs = 250

/** As they become durable; each is looked for when its owner says so, and now and then. */
async function slicesOf(
  { bus, clock }: TakeWorld,
  { note, markers }: Marked,
  options: TakeOptions,
): Promise<readonly Found[]> {
  const found = new Map<number, Found>()
  const deadline = note.begunAt + options.cutDeadlineMs
  let wake = Promise.withResolvers<void>()
  const told = new Set<number>()
  const hearing = bus.hear(subjects.cutSliced(bus.realm), (data) => {
    const [id, partition] = new TextDecoder().decode(data).split(' ')
    if (id !== note.id) return
    told.add(Number(partition))
    wake.resolve()
  })
  try {
    for (let looks = 0; ; looks++) {
      const missing = markers.flatMap((_, partition) => (found.has(partition) ? [] : [partition]))
      if (missing.length === 0) return markers.map((_, partition) => found.get(partition) as Found)
      // One that was not told of is looked for too, but not by all of them all the time.
      const wanted = looks % 4 === 3 ? missing : missing.filter((partition) => told.has(partition))
      for (const partition of wanted) {
        // Its owner's archive has it sooner; what stands there alone may die with that machine.
        const bytes = await bus.cuts.get(cutNames.slice(note.id, partition))
        if (bytes !== undefined) found.set(partition, { slice: decodeSlice(bytes), bytes })
      }
      if (clock.now() >= deadline && found.size < markers.length) throw late(note.id, markers, found, options)
      if (found.size === markers.length) continue
      wake = Promise.withResolvers()
      const alarm = clock.at(Math.min(deadline, clock.now() + lookMs), wake.resolve)
      if (missing.some((partition) => told.has(partition) && !found.has(partition) && !wanted.includes(partition)))
        wake.resolve()
      await wake.promise
      alarm.cancel()
    }
  } finally {
    hearing.stop()
  }
}

function late(id: string, markers: readonly number[], found: ReadonlyMap<number, Found>, options: TakeOptions): Fault {
  const missing = markers.flatMap((_, partition) => (found.has(partition) ? [] : [partition]))
  return new Fault('cut.abandoned', {
    value: id,
    reason: `after ${options.cutDeadlineMs} ms the slices of partitions ${missing.join(', ')} are missing, because nobody owns them or their owner was lost meanwhile`,
  })
}

type Sliced = { readonly note: CutNote; readonly slices: readonly Found[]; readonly recordedAt: number }

async function finish(
  world: TakeWorld,
  { note, slices, recordedAt }: Sliced,
  options: TakeOptions,
): Promise<CutManifest> {
  const { bus, clock, shelf, archive } = world
  let flown = 0
  const keep = async (bundle: Bundle): Promise<SegmentRef> => {
    const ref = await shelf.keep(bundle)
    flown += ref.bytes
    return ref
  }
  const flights = await gatherFlights(
    bus,
    slices.map(({ slice }) => recordedOf(slice)),
    keep,
  )
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
    bytes: slice.layers.flat().reduce((sum, one) => sum + one.bytes, 0),
  }
}

function sumsOf(manifest: CutManifest): Pick<CutNote, 'actors' | 'inFlight' | 'added' | 'bytes'> {
  const flown = manifest.flights.reduce((sum, { bytes }) => sum + bytes, 0)
  return {
    actors: manifest.slices.reduce((sum, { actors }) => sum + actors, 0),
    inFlight: manifest.channels.reduce((sum, [, , count]) => sum + count, 0),
    added: manifest.added,
    bytes: flown + manifest.slices.reduce((sum, { bytes }) => sum + bytes, 0),
  }
}
