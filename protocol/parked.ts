/**
 * A parked envelope: set aside whole, with its fault, so that a person can look at it, mend it
 * and replay it. Invariant: nothing that was accepted is dropped without one of these.
 */
import type { Address } from './address.ts'
import { decode, encode } from './codec.ts'
import { type Arrived, decodeEnvelope, encodeEnvelope, type Envelope } from './envelope.ts'
import type { StoredFault } from './fault.ts'
import type { Sender } from './subject.ts'

const parkedFormat = 1

export type Parked = {
  readonly envelope: Envelope | undefined
  /** The payload as it came, when it could not be decoded. */
  readonly raw: Uint8Array | undefined
  /** Where the envelope stood on the log, and who wrote it there. */
  readonly seq: number
  readonly sender: Sender
  readonly fault: StoredFault
  readonly at: number
}

export function encodeParked(envelope: Arrived, raw: Uint8Array | undefined, fault: StoredFault, at: number): Uint8Array {
  const { code, message, stack } = fault
  return encode([parkedFormat, raw === undefined ? encodeEnvelope(envelope) : null, raw ?? null, envelope.seq, envelope.sender, [code, message, stack ?? null], at])
}

export function decodeParked(address: Address, bytes: Uint8Array): Parked {
  const [, envelope, raw, seq, sender, [code, message, stack], at] = decode(bytes) as [number, Uint8Array | null, Uint8Array | null, number, Sender, [string, string, string | null], number]
  return {
    envelope: envelope === null ? undefined : decodeEnvelope(address, envelope).envelope,
    raw: raw ?? undefined,
    seq,
    sender,
    fault: { code, message, ...(stack === null ? {} : { stack }) },
    at,
  }
}
