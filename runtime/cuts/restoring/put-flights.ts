/**
 * What was in flight, appended to the new generation. It serves "append what was in flight in
 * numbered chunks". Invariants: what somebody remembers the position of keeps it; everything else
 * is delivered in the order in which it was sent; each batch says first where its entries stood;
 * where actors move, the numbers of senders outside end with their partitions, so copies end before.
 */
import { decodeEnvelope, encodeEnvelope } from '#protocol/envelope.ts'
import type { FlightRow } from '#protocol/cut.ts'
import { partitionOf } from '#protocol/partition.ts'
import { type OutsideNote, renoted, uncounted } from '#protocol/outside.ts'
import type { Realm } from '#protocol/realm.ts'
import { parseStored, subjects } from '#protocol/subject.ts'
import type { Bus, Entry } from '#runtime/bus.ts'
import { decodeMendRow, encodeMendRow, type MendRow } from '#runtime/core/mend-row.ts'
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
  let row: MendRow = {
    mends: [[start.after, start.incarnation]],
    lineage: [[start.incarnation, view.manifest.id]],
    pieces: [],
    isOpen: false,
    report: { from: 0, to: 0, entries: 0, missing: 0, at: view.manifest.begunAt, node: restorer },
  }
  let done = 0

  async function put(batch: readonly Flown[]): Promise<void> {
    const positions = batch.flatMap(({ position }) => (position === undefined ? [] : [position]))
    const table: Entry = { subject: subjects.mended(realm), data: encodeMendRow(row, positions) }
    const { seq } = await bus.appendAll([table, ...batch.map(({ entry }) => entry)])
    row = decodeMendRow(table.data, seq - batch.length)
    done += batch.length
    onProgress({ is: 'flights', done, of })
  }

  // Emitted events keep their positions, because subscribers remember them; in a batch they come first.
  for (const isKept of [true, false]) {
    let batches = 0
    for await (const batch of batchesOf(flown(isKept), ({ entry }) => entry.data.length)) {
      await put(batch)
      batches++
    }
    // The table is there even when nothing was in flight.
    if (isKept && batches === 0) await put([])
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
      const isTold = parseStored(flight[1]).is !== 'in'
      if (isTold !== isKept) continue
      const flown = isTold ? toldOf(realm, flight) : sentOf(realm, { ...filling, doors }, flight)
      if (flown !== undefined) yield* fitting(flight, flown)
    }
  }
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
