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

/** A stack says where; more of it would only make a large envelope not fit. */
const stackChars = 4000

export type Parking = {
  readonly envelope: Arrived
  readonly raw: Uint8Array | undefined
  readonly fault: StoredFault
  readonly at: number
}

/** A payload is cut at this size: the smallest max_payload that perdure runs with, and room for the fault. */
export const parkedEntryBytes = 48_000

/**
 * One entry; more when an outsider's payload came near the server's limit and does not fit beside
 * its fault. The others follow it on the log, contiguous, because all are of one batch.
 */
export function encodeParked({ envelope, raw, fault, at }: Parking, entryBytes: number): Uint8Array[] {
  const { code, message, stack } = fault
  const whole = raw ?? encodeEnvelope(envelope)
  const rest: Uint8Array[] = []
  for (let from = entryBytes; from < whole.length; from += entryBytes)
    rest.push(encode([parkedFormat, whole.subarray(from, from + entryBytes)]))
  const first = whole.subarray(0, entryBytes)
  const why = [code, message.slice(0, stackChars), stack?.slice(0, stackChars) ?? null]
  return [
    encode([
      parkedFormat,
      raw === undefined ? first : null,
      raw === undefined ? null : first,
      envelope.seq,
      envelope.sender,
      why,
      at,
      rest.length,
    ]),
    ...rest,
  ]
}

/** Whether this entry only goes on with the one before it. */
export function isParkedRest(bytes: Uint8Array): boolean {
  return (decode(bytes) as unknown[]).length === 2
}

/** How many entries behind this one belong to it. */
export function parkedRestOf(bytes: Uint8Array): number {
  return ((decode(bytes) as unknown[])[7] as number | undefined) ?? 0
}

export function decodeParked(address: Address, bytes: Uint8Array, rest: readonly Uint8Array[] = []): Parked {
  const fields = decode(bytes) as [
    number,
    Uint8Array | null,
    Uint8Array | null,
    number,
    Sender,
    [string, string, string | null],
    number,
    number?,
  ]
  const [, , , seq, sender, [code, message, stack], at] = fields
  // Without its rest, only what stands in the first entry can be shown.
  const isWhole = rest.length === (fields[7] ?? 0)
  const more = rest.map((one) => (decode(one) as [number, Uint8Array])[1])
  const join = (part: Uint8Array | null): Uint8Array | null =>
    part === null || more.length === 0 ? part : joined([part, ...more])
  const envelope = isWhole ? join(fields[1]) : null
  const raw = join(fields[2]) ?? (isWhole ? null : fields[1])
  return {
    envelope: envelope === null ? undefined : decodeEnvelope(address, envelope).envelope,
    raw: raw ?? undefined,
    seq,
    sender,
    fault: { code, message, ...(stack === null ? {} : { stack }) },
    at,
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
