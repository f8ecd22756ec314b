/**
 * Parked envelopes from a person's side: look, mend, replay, drop. A replay is a new envelope
 * with an id of its own making, so replaying twice steps once; only then is the parked one removed.
 */
import { type Address, rootOf } from '#protocol/address.ts'
import { decodeForeign } from '#protocol/codec.ts'
import { type AnyEvent, encodeEnvelope, type Envelope, isEvent } from '#protocol/envelope.ts'
import { Fault } from '#protocol/fault.ts'
import { decodeParked, isParkedRest, type Parked, parkedRestOf } from '#protocol/parked.ts'
import { partitionOf } from '#protocol/partition.ts'
import { parseStored, subjects } from '#protocol/subject.ts'
import type { Bus, LogEntry } from '#runtime/bus.ts'
import { readThrough } from '#runtime/partition/read-through.ts'
import type { Clock } from '#runtime/clock.ts'

export type ParkedEntry = Parked & {
  readonly address: Address
  readonly place: number
  readonly event: AnyEvent | undefined
}

export type ParkedBox = {
  list(options?: {
    readonly kind?: string
    readonly address?: Address
    readonly code?: string
    readonly limit?: number
  }): Promise<ParkedEntry[]>
  get(place: number): Promise<ParkedEntry>
  /** Sends it again, as it was or with another event. */
  replay(place: number, event?: AnyEvent): Promise<void>
  drop(place: number): Promise<void>
}

export function parkedBoxOf({ bus, clock }: { readonly bus: Bus; readonly clock: Clock }): ParkedBox {
  function entryOf(entry: LogEntry, rest: readonly Uint8Array[] = []): ParkedEntry | undefined {
    const stored = parseStored(entry.subject)
    if (stored.is !== 'parked') return undefined
    if (isParkedRest(entry.data)) return undefined
    const parked = decodeParked(stored.address, entry.data, rest)
    const content = parked.envelope?.content
    return {
      ...parked,
      address: stored.address,
      place: entry.seq,
      event: content?.is === 'event' ? content.event : undefined,
    }
  }

  /** The entries behind a large one. */
  async function restOf(entry: LogEntry): Promise<Uint8Array[]> {
    if (parseStored(entry.subject).is !== 'parked' || isParkedRest(entry.data)) return []
    const places = Array.from({ length: parkedRestOf(entry.data) }, (_, index) => entry.seq + 1 + index)
    const found = await Promise.all(places.map((place) => bus.get(place)))
    return found.flatMap((one) => (one === undefined ? [] : [one.data]))
  }

  async function remove(place: number): Promise<void> {
    const entry = await bus.get(place)
    const rest = entry === undefined ? 0 : (await restOf(entry)).length
    for (let at = place + rest; at >= place; at--) await bus.removeEntry(at)
  }

  async function get(place: number): Promise<ParkedEntry> {
    const entry = await bus.get(place)
    const parked = entry === undefined ? undefined : entryOf(entry, await restOf(entry))
    if (parked === undefined) throw new Fault('parked.absent', { value: place })
    return parked
  }

  return {
    async list({ kind, address, code, limit = 1000 } = {}) {
      const found: ParkedEntry[] = []
      const filter =
        address === undefined
          ? `${bus.realm.name}.parked.*.${kind ?? '*'}.*`
          : subjects.parked(bus.realm, partitionOf(rootOf(address), bus.realm.partitions), address)
      await readThrough(bus, filter, (entry) => {
        // Of a large one the list shows what stands in its first entry; get() reads it whole.
        const parked = entryOf(entry)
        if (parked !== undefined && (code === undefined || parked.fault.code === code)) found.push(parked)
        return found.length < limit
      })
      return found
    },
    get,
    async replay(place, event) {
      const parked = await get(place)
      const content = event ?? parked.event ?? rawEventOf(parked)
      if (content === undefined) throw new Fault('parked.eventless', { value: place })
      const { address } = parked
      const envelope: Envelope = {
        to: address,
        content: { is: 'event', event: content },
        from: 'replay',
        at: clock.now(),
        id: `parked-${place}`,
        n: 0,
        index: 0,
        generation: bus.realm.generation,
        // An event of the node never was on the log; what led to it may have been.
        cause: parked.seq === 0 ? parked.envelope?.cause : String(parked.seq),
        ask: undefined,
        deadline: undefined,
        traceparent: parked.envelope?.traceparent,
      }
      const partition = partitionOf(address, bus.realm.partitions)
      await bus.append({ subject: subjects.in(bus.realm, partition, 'c', address), data: encodeEnvelope(envelope) })
      await remove(place)
    },
    async drop(place) {
      await get(place)
      await remove(place)
    },
  }
}

function rawEventOf(parked: ParkedEntry): AnyEvent | undefined {
  if (parked.raw === undefined) return undefined
  try {
    const value = decodeForeign(parked.raw)
    return isEvent(value) ? value : undefined
  } catch {
    return undefined
  }
}
