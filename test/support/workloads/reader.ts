/**
 * What is left of a realm when it has come to rest, as the judges of the workloads read it: every
 * entry that was ever stored, and the actors' states as they follow from those.
 */
import type { Address } from '#protocol/address.ts'
import { decodeOutside } from '#protocol/outside.ts'
import { decodeParked } from '#protocol/parked.ts'
import type { ActorState } from '#protocol/state.ts'
import { parseStored } from '#protocol/subject.ts'
import type { LogEntry } from '#runtime/bus.ts'
import { emittedOf } from '#runtime/core/emitted.ts'
import type { AnyEvent } from '#protocol/envelope.ts'

export type Reader = {
  readonly states: ReadonlyMap<Address, ActorState>
  /** In the log's order, also those that were trimmed since. */
  readonly entries: readonly LogEntry[]
  /** How far the clock of any node was from that of the log. */
  readonly skewMs: number
}

/** The context as its workload knows it. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters
export function contextOf<T>(reader: Reader, address: Address): T | undefined {
  return reader.states.get(address)?.snapshot.context as T | undefined
}

export type Told<T> = { readonly address: Address; readonly event: T; readonly seq: number; readonly at: number }

/** What actors of one kind have emitted, in order. */
export function emittedBy<T>(reader: Reader, kind: string): Told<T>[] {
  return reader.entries.flatMap((entry) => {
    const stored = parseStored(entry.subject)
    if (stored.is !== 'ev' || !stored.address.startsWith(`${kind}/`)) return []
    return [{ address: stored.address, event: emittedOf(entry.data) as T, seq: entry.seq, at: entry.at }]
  })
}

/** The events that outsiders sent to actors of one kind, copies included. */
export function sentTo<T>(reader: Reader, kind: string): Told<T>[] {
  return reader.entries.flatMap((entry) => {
    const stored = parseStored(entry.subject)
    if (stored.is !== 'in' || stored.sender !== 'x' || !stored.address.startsWith(`${kind}/`)) return []
    const { content } = decodeOutside({ to: stored.address, at: entry.at, bytes: entry.data })
    if (content.is !== 'event') return []
    return [{ address: stored.address, event: content.event as T, seq: entry.seq, at: entry.at }]
  })
}

/** The events that were set aside for actors of one kind, and why. */
export function parkedFor(reader: Reader, kind: string): (Told<AnyEvent> & { readonly code: string })[] {
  return reader.entries.flatMap((entry) => {
    const stored = parseStored(entry.subject)
    if (stored.is !== 'parked' || !stored.address.startsWith(`${kind}/`)) return []
    const { envelope, fault } = decodeParked(stored.address, entry.data, [])
    if (envelope?.content.is !== 'event') return []
    const { address } = stored
    return [{ address, event: envelope.content.event, code: fault.code, seq: entry.seq, at: entry.at }]
  })
}
