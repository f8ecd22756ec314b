/**
 * What anybody may write to the public address. It serves the clause "an envelope arrives on a
 * subject" at its open end: nothing here is trusted, and whatever comes can only ever become an
 * event, a withdrawn question, or a fault.
 */
import type { Address } from './address.ts'
import { decode, decodeForeign, encodeBrief } from './codec.ts'
import { type AnyEvent, type Ask, type Envelope, envelopeFormat, isEvent } from './envelope.ts'
import { Fault } from './fault.ts'
import { limits } from './limits.ts'
import { excessOf } from './nested.ts'

/**
 * What a client wrote to the public address: `[1, event, {client, session, n, floor, again, id, ask, deadline,
 * emitted, cancel, trace, child}]`. Nothing of it is trusted: it can only ever become an event.
 */
export type OutsideNote = {
  readonly client?: string
  readonly session?: string
  readonly n?: number
  /** The lowest number of this session and partition that its sender has not settled. */
  readonly floor?: number
  /** It was sent before, and whether that one was stored is not known. */
  readonly again?: boolean
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

/**
 * What somebody else sent, with another note. What was refused stays what it is: something to be
 * refused, in other bytes or the same.
 */
export function renoted(bytes: Uint8Array, noteOfIt: (note: OutsideNote) => OutsideNote): Uint8Array {
  let value: unknown
  try {
    value = valueOf(bytes)
  } catch {
    return bytes
  }
  const isWrapped = Array.isArray(value) && value[0] === envelopeFormat
  if (!isWrapped && !isEvent(value)) return bytes
  return encodeOutside((isWrapped ? (value as unknown[])[1] : value) as AnyEvent | null, noteOfIt(noteOf(value)))
}

/** By a sender whose numbers mean nothing where it goes. */
export function uncounted({ session: _, n: _n, floor: _floor, again: _again, ...note }: OutsideNote): OutsideNote {
  return note
}

const clientPattern = /^[A-Za-z0-9_-]{1,64}$/
const tracePattern = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/
const childPattern = /^(?:~(?:[A-Za-z0-9_-]|=[0-9A-F]{2})+~\d+)+$/

/** For who asks and does not say for how long. */
const waitMs = 30_000

export type OutsideEntry = {
  readonly to: Address
  readonly at: number
  readonly bytes: Uint8Array
  /** A bare publisher's own id: the header `perdure-id`, or else `Nats-Msg-Id`. */
  readonly id?: string | undefined
  readonly traceparent?: string | undefined
  /** How far ahead a deadline may lie; for who only looks at what was taken, any. */
  readonly askMostMs?: number
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
  const cancels = nameOf(note.cancel)
  if (cancels === undefined) checkEvent(event)
  const trace = note.trace ?? entry.traceparent
  const deadline = deadlineOf(note, entry)
  const ask = askOf(note, deadline ?? at + waitMs)
  return {
    to: addressIn(to, note),
    content: cancels === undefined ? { is: 'event', event: event as AnyEvent } : { is: 'cancel', ask: cancels },
    from: nameOf(note.client),
    at,
    id: idOf(note.id ?? entry.id),
    ...countOf(note),
    index: 0,
    generation: 0,
    cause: undefined,
    ask,
    deadline: ask?.deadline ?? deadline,
    traceparent: typeof trace === 'string' && tracePattern.test(trace) ? trace : undefined,
  }
}

/** What of an event goes into subjects, records and histories has an end; the rest is the machine's. */
export function checkEvent(event: unknown): asserts event is AnyEvent {
  if (!isEvent(event)) throw new Fault('event.untyped', {})
  checkType(event.type)
  if (event.type.startsWith('xstate.') || event.type.startsWith('perdure.'))
    throw new Fault('event.reserved', { value: event.type })
}

function checkType(type: string): void {
  if (type.length <= limits.typeChars) return
  throw new Fault('event.typeTooLong', { value: type.slice(0, 40), size: type.length, limit: limits.typeChars })
}

/** What is meant for a child is never its root's, so a child that cannot be is refused. */
function addressIn(to: Address, note: OutsideNote): Address {
  const child: unknown = note.child
  if (child === undefined || child === null) return to
  if (typeof child === 'string' && to.length + child.length <= limits.addressChars && childPattern.test(child))
    return `${to}${child}`
  throw new Fault('address.invalid', { value: `${to}${shown(child, 80)}…` })
}

/** An object may have no text at all. */
function shown(value: unknown, chars: number): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value).slice(0, chars) : typeof value
}

function nameOf(value: unknown): string | undefined {
  return typeof value === 'string' && clientPattern.test(value) ? value : undefined
}

/** Two ids that are one when cut short would cost the second event, so a long one is refused. */
function idOf(id: unknown): string | undefined {
  if (typeof id !== 'string' || id.length === 0) return undefined
  if (id.length <= limits.idChars) return id
  throw new Fault('event.idTooLong', { value: id.slice(0, 40), size: id.length, limit: limits.idChars })
}

function deadlineOf({ deadline }: OutsideNote, { at, askMostMs = Number.MAX_VALUE }: OutsideEntry): number | undefined {
  if (deadline === undefined || deadline === null) return undefined
  if (typeof deadline !== 'number' || !Number.isFinite(deadline) || deadline <= 0)
    throw new Fault('ask.deadlineInvalid', { value: shown(deadline, 40) })
  if (deadline > at + askMostMs) throw new Fault('ask.deadlineTooFar', { ms: deadline - at, limit: askMostMs })
  return deadline
}

function askOf({ client, ask, emitted }: OutsideNote, deadline: number): Ask | undefined {
  if (ask === undefined || ask === null) return undefined
  const to = nameOf(client)
  const id = nameOf(ask)
  if (to === undefined || id === undefined) throw new Fault('ask.invalid', {})
  if (typeof emitted === 'string') checkType(emitted)
  return { to, id, deadline, emitted: typeof emitted === 'string' ? emitted : undefined }
}

type OutsideCount = Pick<Envelope, 'session' | 'floor' | 'n' | 'again'>

export type RefusedSender = OutsideCount & Pick<Envelope, 'ask'>

/**
 * Who sent an event that is refused, as far as that can be read: by what its sender counts, else those
 * behind it seem to come too early, and where the answer to its question goes.
 */
export function senderOfRefused({ bytes, at }: Pick<OutsideEntry, 'bytes' | 'at'>): RefusedSender {
  try {
    const note = noteOf(valueOf(bytes))
    const to = nameOf(note.client)
    const id = nameOf(note.ask)
    const ask = to === undefined || id === undefined ? undefined : { to, id, deadline: at + waitMs }
    return { ...countOf(note), ask }
  } catch {
    return { n: 0, ask: undefined }
  }
}

function countOf(note: OutsideNote): OutsideCount {
  const session = nameOf(note.session)
  if (session === undefined) return { session, floor: undefined, n: 0 }
  return {
    session,
    floor: Number.isSafeInteger(note.floor) ? note.floor : undefined,
    n: Number.isSafeInteger(note.n) ? (note.n as number) : 0,
    again: note.again === true ? true : undefined,
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
  checkNesting(value, bytes)
  return value
}

/** What is short and names no part twice cannot be over any limit. */
function checkNesting(value: unknown, bytes: Uint8Array): void {
  const size = bytes.length
  if (size <= limits.nestedMost && Buffer.from(bytes.buffer, bytes.byteOffset, size).indexOf(pointer) < 0) return
  const { nestedMost } = limits
  const partsMost = limits.partsMost + size
  const excess = excessOf(value, { nestedMost, partsMost })
  if (excess === undefined) return
  const reason =
    excess === 'deep'
      ? `it is nested more than ${nestedMost} deep`
      : `it holds more than ${partsMost} parts, written out`
  throw new Fault('envelope.undecodable', { size, reason })
}

/** How our own form names a part that stands before. */
const pointer = Buffer.from([0xd6, 0x70])

function noteOf(value: unknown): OutsideNote {
  return ((Array.isArray(value) && typeof value[0] === 'number' ? value[2] : undefined) ?? {}) as OutsideNote
}
