/**
 * What was in flight, appended to the new generation. It serves "append what was in flight in
 * numbered chunks". Invariants: what somebody remembers the position of keeps it, and stands behind
 * the table that says which; everything else is delivered in the order in which it was sent; where
 * actors move, the numbers of senders outside end with their partitions, so copies end before.
 */
import { decodeEnvelope, encodeEnvelope } from '#protocol/envelope.ts'
import type { CutManifest, FlightRow } from '#protocol/cut.ts'
import { partitionOf } from '#protocol/partition.ts'
import { type OutsideNote, renoted, uncounted } from '#protocol/outside.ts'
import type { Realm } from '#protocol/realm.ts'
import { parseStored, subjects } from '#protocol/subject.ts'
import type { Bus, Entry } from '#runtime/bus.ts'
import { encodeMendRow, type MendRow, withBatch } from '#runtime/core/mend-row.ts'
import { shiftEnvelope } from '#runtime/core/shift-instants.ts'
import { type Doors, openDoors } from '#runtime/cuts/reading/doors.ts'
import { batchesOf } from './entry-batches.ts'
import { fitEntry } from './fit-entry.ts'
import type { Filling } from './put-bases.ts'
import type { OnProgress } from './restore.ts'
import { restorer } from './restorer.ts'

type Start = { readonly after: number; readonly incarnation: number }

/** `row`: the table of what keeps its position. */
type Flew = { readonly envelopes: number; readonly row: MendRow }

/** `kept`: the positions of what was emitted, as `keptPositions` gave them. */
type Flights = Filling & { readonly start: Start; readonly kept: readonly number[] }

export async function putFlights(bus: Bus, filling: Flights, onProgress: OnProgress): Promise<Flew> {
  const { view, start, kept } = filling
  const { realm } = bus
  const of = view.manifest.channels.reduce((sum, [, , count]) => sum + count, 0)
  const first = firstTable(view.manifest, start)
  // Ahead of all that it tells of, so that a log that loses its end later never has these without it.
  const { seq } = await bus.append({ subject: subjects.mended(realm), data: encodeMendRow(first, kept) })
  let done = 0

  /** Where the last of them stands. */
  async function put(entries: AsyncIterable<Entry>): Promise<number> {
    let last = seq
    for await (const batch of batchesOf(entries, ({ data }) => data.length)) {
      last = (await bus.appendAll(batch)).seq
      done += batch.length
      onProgress({ is: 'flights', done, of })
    }
    return last
  }

  // Emitted events keep their positions, because subscribers remember them; they come first.
  const last = await put(told())
  // Nobody else writes to this log yet.
  if (last !== seq + kept.length) throw new RangeError(`what keeps its position ends at ${last}, not as it was told`)
  await put(sent())
  return { envelopes: done, row: withBatch(first, seq, kept) }

  async function* told(): AsyncGenerator<Entry> {
    for await (const flight of view.flights()) if (isTold(flight)) yield toldOf(realm, flight)
  }

  async function* sent(): AsyncGenerator<Entry> {
    const doors = realm.partitions === view.manifest.partitions ? undefined : await openDoors(view)
    for await (const flight of view.flights())
      if (!isTold(flight)) yield* fitting(flight, sentOf(realm, { ...filling, doors }, flight))
  }

  function fitting([position, subject, , at]: FlightRow, entry: Entry | undefined): readonly Entry[] {
    const stored = parseStored(subject)
    if (entry === undefined || stored.is !== 'in') return []
    const { address, sender } = stored
    return fitEntry(bus, entry, { address, sender, position, at })
  }
}

/** Nothing stands anywhere else than where it says by itself. */
export function firstTable({ id, begunAt }: CutManifest, { after, incarnation }: Start): MendRow {
  return {
    mends: [[after, incarnation]],
    lineage: [[incarnation, id]],
    pieces: [],
    isOpen: false,
    report: { from: 0, to: 0, entries: 0, missing: 0, at: begunAt, node: restorer },
  }
}

/** Whether it was emitted, and not sent to anybody. */
export function isTold([, subject]: FlightRow): boolean {
  return parseStored(subject).is !== 'in'
}

/** As it was emitted, where its subscribers look for it. */
function toldOf(realm: Realm, [, subject, data]: FlightRow): Entry {
  return { subject: `${realm.name}${subject.slice(subject.indexOf('.'))}`, data }
}

/** `doors`: where partitions are others than the cut's. */
type Sending = Filling & { readonly doors: Doors | undefined }

/** Nothing for a copy. */
function sentOf(realm: Realm, { shares, shiftMs, doors }: Sending, flight: FlightRow): Entry | undefined {
  const [, subject, data, , id] = flight
  const stored = parseStored(subject)
  if (stored.is !== 'in') throw new RangeError(`${subject} is no mailbox`)
  const { address, sender } = stored
  const to = partitionOf(address, realm.partitions)
  const entryFrom = (from: typeof sender, bytes: Uint8Array): Entry => ({
    subject: subjects.in(realm, to, from, address),
    data: bytes,
  })
  if (sender === 'x') {
    const taken = doors?.take(flight)?.is
    if (taken === 'copy' || taken === 'early') return undefined
    // The id stood in a header, which an entry of a batch has not.
    const own = (note: OutsideNote): OutsideNote => (note.id === undefined && id ? { ...note, id } : note)
    if (doors === undefined) return entryFrom(sender, id ? renoted(data, own) : data)
    return entryFrom(
      sender,
      renoted(data, (note) => own(uncounted(note))),
    )
  }
  const envelope = shiftEnvelope(decodeEnvelope(address, data).envelope, shiftMs)
  const sent = { ...envelope, generation: realm.generation }
  if (typeof sender !== 'number') return entryFrom(sender, encodeEnvelope(sent))
  const as = shares.senderOf(sender, envelope)
  return entryFrom(as.partition, encodeEnvelope({ ...sent, n: as.n, index: as.index }))
}
