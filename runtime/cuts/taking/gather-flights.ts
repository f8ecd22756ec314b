/**
 * Reads what was in flight from the log, once all partitions have recorded. It serves "recorded by
 * reference at once and copied when archived, so that a cut stands alone". Invariants: an envelope is
 * kept without the record that it may carry: that one is folded, and would be folded again; what
 * waits in memory is bounded, however long the mailboxes are.
 */
import { setImmediate } from 'node:timers/promises'
import type { Channel, FlightRow, Layer, SegmentRef } from '#protocol/cut.ts'
import { decodeEnvelope, encodeEnvelope, type Envelope } from '#protocol/envelope.ts'
import { isFault } from '#protocol/fault.ts'
import { parseStored } from '#protocol/subject.ts'
import type { Bus, LogEntry } from '#runtime/bus.ts'
import { channelsOf, type Numbered, type Recorded } from '#runtime/core/in-flight.ts'
import { type Bundle, bundlesOf } from '#protocol/bundle.ts'
import { inOrder } from '#runtime/cuts/reading/in-order.ts'
import { portionsOf, type Range } from './read-portions.ts'

export type Flights = { readonly layer: Layer; readonly channels: readonly Channel[]; readonly envelopes: number }

export type Gathering = {
  readonly keep: (bundle: Bundle) => Promise<SegmentRef>
  /** Segments that are put away at once. */
  readonly keepMost: number
  /** Ends it. */
  readonly signal: AbortSignal
}

export async function gatherFlights(
  bus: Bus,
  recorded: readonly Recorded[],
  { keep, keepMost, signal }: Gathering,
): Promise<Flights> {
  const { name, generation } = bus.realm
  const channels = channelsOf(recorded, { generation })
  const counts = new Map<string, number>()

  function take(entry: LogEntry): FlightRow | undefined {
    let read: Envelope | undefined
    const numberOf = (): Numbered | undefined => (read = envelopeOf(entry))
    const flight = channels.take(entry, numberOf)
    if (flight === undefined) return undefined
    const key = `${flight.from} ${flight.to}`
    counts.set(key, (counts.get(key) ?? 0) + 1)
    return rowOf(entry, read)
  }

  async function* rowsOf(range: Range): AsyncGenerator<readonly FlightRow[]> {
    for await (const portion of portionsOf(bus, range, signal)) {
      const rows = portion.flatMap((entry) => {
        const row = take(entry)
        return row === undefined ? [] : [row]
      })
      if (rows.length > 0) yield rows
      // The node steps on in between.
      await setImmediate()
    }
  }

  const { to, mailboxesFrom, topicsFrom } = channels
  const layer: SegmentRef[] = []
  // Two filters: commits lie between, and nothing of them is needed. Each is in order by itself.
  for (const [filter, from] of [
    [`${name}.in.>`, mailboxesFrom],
    [`${name}.ev.>`, topicsFrom],
  ] as const)
    layer.push(...(await inOrder(bundlesOf(rowsOf({ filter, from, to }), keyedFlight), keep, keepMost)))
  const sums = [...counts].map(([key, count]): Channel => {
    const [from = '', to = ''] = key.split(' ')
    return [from, Number(to), count]
  })
  return { layer, channels: sums, envelopes: sums.reduce((sum, [, , count]) => sum + count, 0) }
}

function envelopeOf(entry: LogEntry): Envelope | undefined {
  const stored = parseStored(entry.subject)
  if (stored.is !== 'in') return undefined
  try {
    return decodeEnvelope(stored.address, entry.data).envelope
  } catch (error) {
    // It is kept with its bytes, as its receiver will park it.
    if (isFault(error)) return undefined
    throw error
  }
}

function rowOf({ seq, subject, data, at, id }: LogEntry, envelope: Envelope | undefined): FlightRow {
  const bytes = envelope === undefined ? data : encodeEnvelope(envelope)
  return id === undefined ? [seq, subject, bytes, at] : [seq, subject, bytes, at, id]
}

export function keyedFlight(row: FlightRow): { key: string; row: FlightRow; bytes: number } {
  return { key: String(row[0]), row, bytes: row[1].length + row[2].length + 24 }
}
