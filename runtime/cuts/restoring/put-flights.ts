/**
 * What was in flight, appended to the new generation. It serves "append what was in flight in
 * numbered chunks". Invariants: what somebody remembers the position of keeps it, and each batch of
 * such says first where its entries stood; everything else is delivered in the order in which it was
 * sent; where actors move, the numbers of senders outside end with their partitions, so copies end
 * before.
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

/** `row`: the table of all that was appended. */
type Flew = { readonly envelopes: number; readonly row: MendRow }

type Flown = { readonly entry: Entry; readonly position: number | undefined }

export async function putFlights(
  bus: Bus,
  filling: Filling & { readonly start: Start },
  onProgress: OnProgress,
): Promise<Flew> {
  const { view, start } = filling
  const { realm } = bus
  const of = view.manifest.channels.reduce((sum, [, , count]) => sum + count, 0)
  let row = firstTable(view.manifest, start)
  let done = 0

  async function putKept(batch: readonly Flown[]): Promise<void> {
    const positions = batch.flatMap(({ position }) => (position === undefined ? [] : [position]))
    const table: Entry = { subject: subjects.mended(realm), data: encodeMendRow(row, positions) }
    const { seq } = await bus.appendAll([table, ...entriesOf(batch)])
    row = withBatch(row, seq - batch.length, positions)
  }

  // The table is there even when nothing was in flight.
  await putKept([])
  // Emitted events keep their positions, because subscribers remember them; they come first.
  for (const isKept of [true, false])
    for await (const batch of batchesOf(flown(isKept), ({ entry }) => entry.data.length)) {
      await (isKept ? putKept(batch) : bus.appendAll(entriesOf(batch)))
      done += batch.length
      onProgress({ is: 'flights', done, of })
    }
  return { envelopes: done, row }

  function fitting([place, subject, , at]: FlightRow, { entry, position }: Flown): readonly Flown[] {
    const stored = parseStored(subject)
    if (stored.is !== 'in') return [{ entry, position }]
    const { address, sender } = stored
    return fitEntry(bus, entry, { address, sender, position: place, at }).map((one) => ({ entry: one, position }))
  }

  async function* flown(isKept: boolean): AsyncGenerator<Flown> {
    const doors = isKept || realm.partitions === view.manifest.partitions ? undefined : await openDoors(view)
    for await (const flight of view.flights()) {
      if (isTold(flight) !== isKept) continue
      const flown = isKept ? toldOf(realm, flight) : sentOf(realm, { ...filling, doors }, flight)
      if (flown !== undefined) yield* fitting(flight, flown)
    }
  }
}

const entriesOf = (batch: readonly Flown[]): Entry[] => batch.map(({ entry }) => entry)

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
function toldOf(realm: Realm, [position, subject, data]: FlightRow): Flown {
  return { entry: { subject: `${realm.name}${subject.slice(subject.indexOf('.'))}`, data }, position }
}

/** `doors`: where partitions are others than the cut's. */
type Sending = Filling & { readonly doors: Doors | undefined }

/** Nothing for a copy. */
function sentOf(realm: Realm, { shares, shiftMs, doors }: Sending, flight: FlightRow): Flown | undefined {
  const [, subject, data, , id] = flight
  const stored = parseStored(subject)
  if (stored.is !== 'in') throw new RangeError(`${subject} is no mailbox`)
  const { address, sender } = stored
  const to = partitionOf(address, realm.partitions)
  const entryFrom = (from: typeof sender, bytes: Uint8Array): Flown => ({
    entry: { subject: subjects.in(realm, to, from, address), data: bytes },
    position: undefined,
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
