/**
 * What anybody may write to the public address. It serves the clause "an envelope arrives on a
 * subject" at its open end: nothing here is trusted, and whatever comes can only ever become an
 * event, a withdrawn question, or a fault.
 */
import type { Address } from './address.ts'
import { decode, decodeForeign, encodeBrief } from './codec.ts'
import { type AnyEvent, type Envelope, envelopeFormat, isEvent } from './envelope.ts'
import { Fault } from './fault.ts'
import { limits } from './limits.ts'
import { isNestedOver } from './nested.ts'

/**
 * What a client wrote to the public address: `[1, event, {client, session, n, id, ask, deadline, emitted,
 * cancel, trace, child}]`. Nothing of it is trusted: it can only ever become an event.
 */
export type OutsideNote = {
  readonly client?: string
  readonly session?: string
  readonly n?: number
  /** The lowest number of this session and partition that its sender has not settled. */
  readonly floor?: number
  readonly id?: string
  readonly ask?: string
  readonly deadline?: number
  /** With `ask`: the emitted type that answers it. */
  readonly emitted?: string
  /** Instead of an event: the question that nobody waits for any more. */
  readonly cancel?: string
  readonly trace?: string
  readonly child?: string
}

export function encodeOutside(event: AnyEvent | null, note: OutsideNote): Uint8Array {
  return encodeBrief([envelopeFormat, event, note])
}

const clientPattern = /^[A-Za-z0-9_-]{1,64}$/
const tracePattern = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/
const childPattern = /^(?:~(?:[A-Za-z0-9_-]|=[0-9A-F]{2})+~\d+)+$/

export type OutsideEntry = {
  readonly to: Address
  readonly at: number
  readonly bytes: Uint8Array
  /** A bare publisher's own id: the header `perdure-id`, or else `Nats-Msg-Id`. */
  readonly id?: string | undefined
  readonly traceparent?: string | undefined
}

export function decodeOutside(entry: OutsideEntry): Envelope {
  const { to, at, bytes } = entry
  const value = valueOf(bytes)
  const wrapped = Array.isArray(value) && typeof value[0] === 'number'
  if (wrapped && (value as unknown[])[0] !== envelopeFormat) {
    throw new Fault('envelope.format', { have: String((value as unknown[])[0]), want: envelopeFormat })
  }
  const event = wrapped ? (value as unknown[])[1] : value
  const note = noteOf(value)
  const cancels = typeof note.cancel === 'string' && clientPattern.test(note.cancel) ? note.cancel : undefined
  if (cancels === undefined && !isEvent(event)) throw new Fault('event.untyped', {})
  if (isEvent(event) && (event.type.startsWith('xstate.') || event.type.startsWith('perdure.'))) {
    throw new Fault('event.reserved', { value: event.type })
  }
  const client = typeof note.client === 'string' && clientPattern.test(note.client) ? note.client : undefined
  const ask =
    client !== undefined && typeof note.ask === 'string' && clientPattern.test(note.ask) ? note.ask : undefined
  const child = typeof note.child === 'string' && childPattern.test(note.child) ? note.child : ''
  if (to.length + child.length > limits.addressChars)
    throw new Fault('address.invalid', { value: `${to}${child.slice(0, 80)}…` })
  const trace = note.trace ?? entry.traceparent
  const id = note.id ?? entry.id
  const deadline = deadlineOf(note, at)
  return {
    to: `${to}${child}` as Address,
    content: cancels === undefined ? { is: 'event', event: event as AnyEvent } : { is: 'cancel', ask: cancels },
    from: client,
    at,
    id: typeof id === 'string' && id.length > 0 ? id.slice(0, 256) : undefined,
    ...countOf(note),
    index: 0,
    generation: 0,
    cause: undefined,
    ask:
      ask === undefined || client === undefined
        ? undefined
        : { to: client, id: ask, deadline, emitted: typeof note.emitted === 'string' ? note.emitted : undefined },
    deadline: ask === undefined && note.deadline === undefined ? undefined : deadline,
    traceparent: typeof trace === 'string' && tracePattern.test(trace) ? trace : undefined,
  }
}

type OutsideCount = Pick<Envelope, 'session' | 'floor' | 'n'>

/** By what its sender counts. Of an event that is refused too, else those behind it seem to come too early. */
export function countOfOutside(bytes: Uint8Array): OutsideCount {
  try {
    return countOf(noteOf(valueOf(bytes)))
  } catch {
    return { n: 0 }
  }
}

function countOf(note: OutsideNote): OutsideCount {
  const session = typeof note.session === 'string' && clientPattern.test(note.session) ? note.session : undefined
  if (session === undefined) return { session, floor: undefined, n: 0 }
  return {
    session,
    floor: Number.isSafeInteger(note.floor) ? note.floor : undefined,
    n: Number.isSafeInteger(note.n) ? (note.n as number) : 0,
  }
}

function valueOf(bytes: Uint8Array): unknown {
  let value: unknown
  try {
    // Our own clients send inline records, which only our own reader knows; an array of three.
    value = bytes[0] === 0x93 ? decode(bytes) : decodeForeign(bytes)
  } catch (cause) {
    throw new Fault(
      'envelope.undecodable',
      { size: bytes.length, reason: cause instanceof Error ? cause.message : String(cause) },
      { cause },
    )
  }
  if (bytes.length > limits.nestedMost && isNestedOver(value, limits.nestedMost)) {
    throw new Fault('envelope.undecodable', {
      size: bytes.length,
      reason: `it is nested more than ${limits.nestedMost} deep`,
    })
  }
  return value
}

function noteOf(value: unknown): OutsideNote {
  return ((Array.isArray(value) && typeof value[0] === 'number' ? value[2] : undefined) ?? {}) as OutsideNote
}

function deadlineOf(note: OutsideNote, at: number): number {
  return typeof note.deadline === 'number' && Number.isFinite(note.deadline) ? note.deadline : at + 30_000
}
