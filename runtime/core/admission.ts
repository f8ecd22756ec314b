/**
 * The door of a mailbox: an entry of the log becomes an envelope, a known copy, or something that is
 * refused. Invariants: of each sender, what is not above its high-water mark was consumed before and
 * is dropped, which is what makes a resent commit harmless; what could be a copy of a sender that is
 * no longer known is neither taken nor dropped, but parked.
 */
import { type Address, isAddress, isChild, keyOf, rootOf } from '#protocol/address.ts'
import { type Arrived, decodeEnvelope } from '#protocol/envelope.ts'
import { decodeOutside, senderOfRefused } from '#protocol/outside.ts'
import { Fault, type StoredFault, storedFaultOf } from '#protocol/fault.ts'
import { limits } from '#protocol/limits.ts'
import { parseStored, type Sender } from '#protocol/subject.ts'
import type { ClientMark, FoldedPartition } from '#protocol/folded.ts'
import type { Staged } from './compose.ts'
import { type SessionLimits, sessionsOf } from './sessions.ts'

export type Origin = Pick<Staged, 'mark' | 'client'>

export type Admitted =
  | { readonly is: 'envelope'; readonly envelope: Arrived; readonly origin: Origin }
  | { readonly is: 'copy'; readonly seq: number }
  /** One before it is still missing; its sender sends both again. */
  | { readonly is: 'early'; readonly seq: number }
  /** A cut begins here. */
  | { readonly is: 'marker'; readonly seq: number; readonly cut: string }
  | {
      readonly is: 'refused'
      readonly envelope: Arrived
      readonly fault: StoredFault
      /** The payload as it came, when nothing can be made of it. */
      readonly raw: Uint8Array | undefined
      readonly origin: Origin
    }

/** An entry as the bus hands it on. */
export type Incoming = {
  readonly seq: number
  readonly subject: string
  readonly data: Uint8Array
  readonly at: number
  readonly id?: string | undefined
  readonly traceparent?: string | undefined
}

export type Admission = { admit(entry: Incoming): Admitted | undefined }

export type AdmissionLimits = SessionLimits & {
  /** How far ahead the deadline of a question may lie. */
  readonly askMostMs: number
}

const anonymous: Origin = { mark: undefined, client: undefined }

export function admissionOf(
  generation: number,
  { position, clients }: { readonly position: FoldedPartition; readonly clients: Iterable<ClientMark> },
  given: AdmissionLimits,
): Admission {
  const marks = new Map<number, readonly [number, number]>(
    Object.entries(position.marks).map(([sender, mark]) => [Number(sender), mark]),
  )
  const sessions = sessionsOf({ clients, forgottenAt: position.forgottenAt ?? 0 }, given)

  /** Moves the sender's mark on, or says why the envelope is not taken. */
  function originOf(envelope: Arrived): Origin | 'copy' | 'early' {
    const { sender, n, index, session, floor = n, at } = envelope
    if (typeof sender === 'number') {
      const seen = marks.get(sender)
      if (seen !== undefined && (n < seen[0] || (n === seen[0] && index <= seen[1]))) return 'copy'
      marks.set(sender, [n, index])
      return { mark: [sender, n, index], client: undefined }
    }
    if (sender === 'x' && session !== undefined && n > 0) {
      const seen = sessions.last(session) ?? 0
      if (n <= seen) return 'copy'
      if (n > seen + 1 && floor < n) return 'early'
      sessions.note([session, n, at])
      return { mark: undefined, client: [session, n, at] }
    }
    return anonymous
  }

  /**
   * Of a session that is not known, one that was sent again may have been taken before, and one whose
   * forerunners are not settled may have had them taken: nobody can tell a session that was just
   * forgotten from a new one. A first send whose forerunners are settled is always taken.
   */
  function isForgotten({ sender, n, session, floor = n, again, at }: Arrived): boolean {
    if (sender !== 'x' || session === undefined || n <= 0 || (floor >= n && again !== true)) return false
    const { forgottenAt } = sessions
    return forgottenAt > 0 && forgottenAt >= at - limits.resendMs && sessions.last(session) === undefined
  }

  /**
   * Parked, so that it is neither lost nor taken twice. Its session stays unknown: of what its sender
   * sends again behind it, some may have been taken before as well.
   */
  function forgotten(envelope: Arrived): Admitted {
    const fault = storedFaultOf(new Fault('session.forgotten', {}))
    return { is: 'refused', envelope, fault, raw: undefined, origin: anonymous }
  }

  function refused(entry: Incoming, envelope: Arrived, error: unknown): Admitted {
    const origin = envelope.sender !== 'x' || isForgotten(envelope) ? anonymous : originOf(envelope)
    if (typeof origin === 'string') return { is: origin, seq: entry.seq }
    return { is: 'refused', envelope, fault: storedFaultOf(error), raw: entry.data, origin }
  }

  return {
    admit(entry) {
      const stored = parseStored(entry.subject)
      if (stored.is !== 'in') return undefined
      const { sender, address } = stored
      if (sender === 'm') return { is: 'marker', seq: entry.seq, cut: keyOf(address) }
      let envelope: Arrived
      try {
        envelope = { ...read(entry, address, sender, given.askMostMs), seq: entry.seq, sender }
      } catch (error) {
        return refused(entry, unreadable(entry, address, sender, generation), error)
      }
      // What was meant for another generation of this realm is nobody's business here.
      if (sender !== 'x' && envelope.generation !== generation) return { is: 'copy', seq: entry.seq }
      if (isForgotten(envelope)) return forgotten(envelope)
      const origin = originOf(envelope)
      return typeof origin === 'string' ? { is: origin, seq: entry.seq } : { is: 'envelope', envelope, origin }
    },
  }
}

function read(entry: Incoming, address: Address, sender: Sender, askMostMs: number): Omit<Arrived, 'seq' | 'sender'> {
  if (sender !== 'x') return decodeEnvelope(address, entry.data).envelope
  // The server placed it by the bytes of its tokens. Only an address in its one spelling, and of a
  // root, is placed where its actor lives; anything else would be another actor's double.
  if (address.length > rootChars) throw new Fault('address.invalid', { value: `${address.slice(0, 80)}…` })
  if (isChild(address)) throw new Fault('address.child', { value: rootOf(address).replace('/', '.') })
  if (!isAddress(address)) throw new Fault('address.invalid', { value: address })
  const { at, data: bytes, id, traceparent } = entry
  return decodeOutside({ to: address, at, bytes, id, traceparent, askMostMs })
}

/** Of a root: its key may be escaped to three characters for each byte. */
const rootChars = limits.kindChars + 1 + 3 * limits.keyBytes

/** No longer than an address can be, because it becomes a subject again. */
function shortened(address: Address): Address {
  if (address.length <= rootChars) return address
  const slash = address.indexOf('/')
  return `${address.slice(0, Math.min(slash, limits.kindChars))}/${address.slice(slash + 1, slash + 1 + 3 * limits.keyBytes)}`
}

function unreadable(entry: Incoming, address: Address, sender: Sender, generation: number): Arrived {
  const told = sender === 'x' ? senderOfRefused({ bytes: entry.data, at: entry.at }) : { n: 0, ask: undefined }
  return {
    to: shortened(address),
    content: { is: 'event', event: { type: 'perdure.undecodable' } },
    from: undefined,
    at: entry.at,
    id: undefined,
    ...told,
    index: 0,
    generation,
    cause: undefined,
    deadline: undefined,
    traceparent: entry.traceparent,
    seq: entry.seq,
    sender,
  }
}
