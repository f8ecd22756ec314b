/**
 * Reads what was in flight from the log, once all partitions have recorded. It serves "recorded by
 * reference at once and copied when archived, so that a cut stands alone". Invariant: an envelope is
 * kept without the record that it may carry: that one is folded, and would be folded again.
 */
import type { Channel, FlightRow, Layer, SegmentRef } from '#protocol/cut.ts'
import { decodeEnvelope, encodeEnvelope, type Envelope } from '#protocol/envelope.ts'
import { isFault } from '#protocol/fault.ts'
import { parseStored } from '#protocol/subject.ts'
import type { Bus, LogEntry } from '#runtime/bus.ts'
import { channelsOf, type Numbered, type Recorded } from '#runtime/core/in-flight.ts'
import { readThrough } from '#runtime/partition/read-through.ts'
import { type Bundle, bundlesOf } from './bundles.ts'

export type Flights = { readonly layer: Layer; readonly channels: readonly Channel[]; readonly envelopes: number }

/** Entries that wait in memory to be packed. */
const portionRows = 500

export async function gatherFlights(
  bus: Bus,
  recorded: readonly Recorded[],
  keep: (bundle: Bundle) => Promise<SegmentRef>,
): Promise<Flights> {
  const channels = channelsOf(recorded, { generation: bus.realm.generation, realm: bus.realm.name })
  const counts = new Map<string, number>()
  const segments: SegmentRef[] = []
  const rows = portionsOf()

  function take(entry: LogEntry): void {
    let read: Envelope | undefined
    const numberOf = (): Numbered | undefined => (read = envelopeOf(entry))
    const flight = channels.take(entry, numberOf)
    if (flight === undefined) return
    const key = `${flight.from} ${flight.to}`
    counts.set(key, (counts.get(key) ?? 0) + 1)
    rows.push(rowOf(entry, read))
  }

  async function pack(): Promise<void> {
    for await (const bundle of bundlesOf(rows.taken(), keyedOf)) segments.push(await keep(bundle))
  }

  const packing = pack()
  try {
    // Two filters: commits lie between, and nothing of them is needed.
    for (const filter of [`${bus.realm.name}.in.>`, `${bus.realm.name}.ev.>`]) {
      if (channels.from > channels.to) break
      await readThrough(
        bus,
        filter,
        (entry) => {
          if (entry.seq <= channels.to) take(entry)
          return entry.seq < channels.to
        },
        channels.from,
      )
    }
  } finally {
    rows.end()
  }
  await packing
  const sums = [...counts].map(([key, count]): Channel => {
    const [from = '', to = ''] = key.split(' ')
    return [from, Number(to), count]
  })
  return { layer: segments, channels: sums, envelopes: sums.reduce((sum, [, , count]) => sum + count, 0) }
}

function envelopeOf(entry: LogEntry): Envelope | undefined {
  const stored = parseStored(entry.subject)
  if (stored.is !== 'in') return undefined
  try {
    return decodeEnvelope(stored.address, entry.data).envelope
  } catch (error) {
    // What its receiver cannot read is parked there, with its bytes; it has no number to go by.
    if (isFault(error)) return undefined
    throw error
  }
}

function rowOf({ seq, subject, data, at, id }: LogEntry, envelope: Envelope | undefined): FlightRow {
  const bytes = envelope === undefined ? data : encodeEnvelope(envelope)
  return id === undefined ? [seq, subject, bytes, at] : [seq, subject, bytes, at, id]
}

function keyedOf(row: FlightRow): { key: string; row: FlightRow; bytes: number } {
  return { key: String(row[0]), row, bytes: row[1].length + row[2].length + 24 }
}

type Portions = {
  push(row: FlightRow): void
  end(): void
  taken(): AsyncGenerator<readonly FlightRow[]>
}

/** Between a reading that pushes and a packing that pulls. */
function portionsOf(): Portions {
  let rows: FlightRow[] = []
  let isOver = false
  let wake = Promise.withResolvers<void>()
  const tell = (): void => {
    wake.resolve()
    wake = Promise.withResolvers()
  }
  return {
    push(row) {
      rows.push(row)
      if (rows.length >= portionRows) tell()
    },
    end() {
      isOver = true
      tell()
    },
    async *taken() {
      for (;;) {
        const taken = rows
        rows = []
        if (taken.length > 0) yield taken
        else if (isOver) return
        else await wake.promise
      }
    },
  }
}
