/**
 * The door of a mailbox: an entry of the log becomes an envelope, a known copy, or something
 * that cannot be read. Invariant: of each sender, what is not above its high-water mark was
 * consumed before and is dropped; this is what makes a resent commit harmless.
 */
import { type Address, isAddress, isChild, rootOf } from '#protocol/address.ts'
import { type Arrived, decodeEnvelope } from '#protocol/envelope.ts'
import { countOfOutside, decodeOutside } from '#protocol/outside.ts'
import { Fault, type StoredFault, storedFaultOf } from '#protocol/fault.ts'
import { limits } from '#protocol/limits.ts'
import { parseStored, type Sender } from '#protocol/subject.ts'
import type { FoldedPartition } from '#protocol/folded.ts'
import type { Staged } from './compose.ts'

export type Origin = Pick<Staged, 'mark' | 'client'>

export type Admitted =
  | { readonly is: 'envelope'; readonly envelope: Arrived; readonly origin: Origin }
  | { readonly is: 'copy'; readonly seq: number }
  /** One before it is still missing; its sender sends both again. */
  | { readonly is: 'early'; readonly seq: number }
  | {
      readonly is: 'unreadable'
      readonly envelope: Arrived
      readonly fault: StoredFault
      readonly raw: Uint8Array
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

/** Between two looks for clients that have been silent for long. */
const lookEvery = 1024

export function admissionOf(generation: number, folded: FoldedPartition, clientKeepMs: number): Admission {
  const marks = new Map<number, readonly [number, number]>(
    Object.entries(folded.marks).map(([sender, mark]) => [Number(sender), mark]),
  )
  const clients = new Map<string, readonly [number, number]>(Object.entries(folded.clients))
  let noted = 0

  /** Moves the sender's mark on, or says why the envelope is not taken. */
  function originOf(envelope: Arrived): Origin | 'copy' | 'early' {
    const { sender, n, index, session, floor = n } = envelope
    if (typeof sender === 'number') {
      const seen = marks.get(sender)
      if (seen !== undefined && (n < seen[0] || (n === seen[0] && index <= seen[1]))) return 'copy'
      marks.set(sender, [n, index])
      return { mark: [sender, n, index], client: undefined }
    }
    if (sender === 'x' && session !== undefined && n > 0) {
      const seen = clients.get(session)?.[0] ?? 0
      if (n <= seen) return 'copy'
      if (n > seen + 1 && floor < n) return 'early'
      clients.set(session, [n, envelope.at])
      if (++noted % lookEvery === 0) forgetSilent(envelope.at - clientKeepMs)
      return { mark: undefined, client: [session, n, envelope.at] }
    }
    return { mark: undefined, client: undefined }
  }

  /** Else every program that ever sent something would be remembered for as long as this owner lives. */
  function forgetSilent(before: number): void {
    for (const [session, [, at]] of clients) if (at < before) clients.delete(session)
  }

  return {
    admit(entry) {
      const stored = parseStored(entry.subject)
      if (stored.is !== 'in') return undefined
      const { sender, address } = stored
      let envelope: Arrived
      try {
        envelope = { ...read(entry, address, sender), seq: entry.seq, sender }
      } catch (error) {
        const refused = unreadable(entry, address, sender, generation)
        const counted =
          sender === 'x'
            ? originOf({ ...refused, ...countOfOutside(entry.data) })
            : { mark: undefined, client: undefined }
        if (typeof counted === 'string') return { is: counted, seq: entry.seq }
        return { is: 'unreadable', envelope: refused, fault: storedFaultOf(error), raw: entry.data, origin: counted }
      }
      // What was meant for another generation of this realm is nobody's business here.
      const isForeign = sender !== 'x' && envelope.generation !== generation
      const origin = isForeign ? 'copy' : originOf(envelope)
      return typeof origin === 'string' ? { is: origin, seq: entry.seq } : { is: 'envelope', envelope, origin }
    },
  }
}

function read(entry: Incoming, address: Address, sender: Sender): Omit<Arrived, 'seq' | 'sender'> {
  if (sender !== 'x') return decodeEnvelope(address, entry.data).envelope
  // The server placed it by the bytes of its tokens. Only an address in its one spelling, and of a
  // root, is placed where its actor lives; anything else would be another actor's double.
  if (address.length > rootChars) throw new Fault('address.invalid', { value: `${address.slice(0, 80)}…` })
  if (isChild(address)) throw new Fault('address.child', { value: rootOf(address).replace('/', '.') })
  if (!isAddress(address)) throw new Fault('address.invalid', { value: address })
  return decodeOutside({ to: address, at: entry.at, bytes: entry.data, id: entry.id, traceparent: entry.traceparent })
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
  return {
    to: shortened(address),
    content: { is: 'event', event: { type: 'perdure.undecodable' } },
    from: undefined,
    at: entry.at,
    id: entry.id,
    n: 0,
    index: 0,
    generation,
    cause: undefined,
    ask: undefined,
    deadline: undefined,
    traceparent: entry.traceparent,
    seq: entry.seq,
    sender,
  }
}
