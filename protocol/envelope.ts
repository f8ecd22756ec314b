/**
 * An envelope is an event on its way: who sent it, when, in answer to what, and the numbers by
 * which its receiver tells a copy from a new one. It serves the clause "an envelope arrives on
 * a subject". On the wire it is an array, so that old readers skip what newer writers append;
 * the address is not in it, because the subject says it.
 */
import type { Address } from './address.ts'
import { decode, decodeForeign, encodeBrief } from './codec.ts'
import { Fault } from './fault.ts'
import { limits } from './limits.ts'
import { isNestedOver } from './nested.ts'
import type { Sender } from './subject.ts'

export const envelopeFormat = 1

export type AnyEvent = { readonly type: string; readonly [name: string]: unknown }

/** What an envelope asks of its receiver. Only `event` may come from outside. */
export type Content =
  | { readonly is: 'event'; readonly event: AnyEvent }
  | { readonly is: 'start'; readonly input: unknown; readonly parent?: ParentLink }
  | { readonly is: 'stop'; readonly reason: string }
  | { readonly is: 'delete' }
  | { readonly is: 'watch'; readonly watcher: Address }
  | { readonly is: 'unwatch'; readonly watcher: Address }
  | { readonly is: 'effect'; readonly effect: string; readonly result: EffectResult }
  | { readonly is: 'cancelTimer'; readonly name: string }
  | { readonly is: 'resolveEffect'; readonly effect: string; readonly result: EffectResult }
  /** The asker no longer waits: effects that run on behalf of this question are aborted. */
  | { readonly is: 'cancel'; readonly ask: string }

/** How a child knows its parent, and by which spawn: an event of an earlier spawn is refused. */
export type ParentLink = {
  readonly address: Address
  /** The id in the parent's `children`. */
  readonly id: string
  readonly spawn: number
  /** The names of the logic from the root's machine down to this one. */
  readonly path: readonly string[]
  readonly sync: boolean
  readonly systemId?: string
}

export type EffectResult =
  | { readonly is: 'done'; readonly output: unknown }
  | { readonly is: 'error'; readonly error: unknown }
  /** A callback or observable that goes on: the nth event of this run. */
  | { readonly is: 'event'; readonly nth: number; readonly event: AnyEvent }
  | { readonly is: 'snapshot'; readonly nth: number; readonly snapshot: unknown }
  /** What the logic emitted by itself (`emit` of a promise or a callback): the actor emits it. */
  | { readonly is: 'emitted'; readonly nth: number; readonly event: AnyEvent }
  | { readonly is: 'unknown' }

/** A question that waits for `reply()`. `to` is an address, or a client's name. */
export type Ask = {
  readonly to: string
  readonly id: string
  readonly deadline: number
  /** The type of emitted event that answers, for machines that know no `reply()`. */
  readonly emitted?: string | undefined
}

export type Envelope = {
  readonly to: Address
  readonly content: Content
  /** An address, a client's name, or nothing for a bare publish. */
  readonly from: string | undefined
  readonly at: number
  /** The sender's own id of this send; two sends with one id are one. */
  readonly id: string | undefined
  /** Of an outsider: the run of its program that `n` counts in, since a name may start anew at 1. */
  readonly session?: string | undefined
  /** With a session: its sender has settled every number below this one. */
  readonly floor?: number | undefined
  /** (n, index) of the commit that sent it; for a client its own count and 0. */
  readonly n: number
  readonly index: number
  readonly generation: number
  readonly cause: string | undefined
  readonly ask: Ask | undefined
  /** When those who wait for what this leads to give up; effects begun for it are aborted then. */
  readonly deadline: number | undefined
  readonly traceparent: string | undefined
}

/** An envelope as it was read from the log. */
export type Arrived = Envelope & { readonly seq: number; readonly sender: Sender }

const contents = ['event', 'start', 'stop', 'delete', 'watch', 'unwatch', 'effect', 'cancelTimer', 'resolveEffect', 'cancel'] as const

export function encodeEnvelope(envelope: Envelope, record?: Uint8Array): Uint8Array {
  return encodeBrief(envelopeArrayOf(envelope, record))
}

function envelopeArrayOf(envelope: Envelope, record: Uint8Array | undefined): unknown[] {
  const { content, ask } = envelope
  const fields: unknown[] = [
    envelopeFormat,
    contents.indexOf(content.is),
    bodyOf(content),
    envelope.from ?? null,
    envelope.at,
    envelope.id ?? null,
    envelope.n,
    envelope.index,
    envelope.generation,
    envelope.cause ?? null,
    ask === undefined ? (envelope.deadline ?? null) : askArrayOf(ask),
    envelope.traceparent ?? null,
    record ?? null,
  ]
  while (fields.at(-1) === null) fields.pop()
  return fields
}

function askArrayOf(ask: Ask): unknown[] {
  return ask.emitted === undefined ? [ask.to, ask.id, ask.deadline] : [ask.to, ask.id, ask.deadline, ask.emitted]
}

function bodyOf(content: Content): unknown {
  switch (content.is) {
    case 'event':
      return content.event
    case 'delete':
      return null
    default: {
      const { is: _, ...body } = content
      return body
    }
  }
}

/** An entry of a mailbox that only nodes can have written. */
export function decodeEnvelope(to: Address, bytes: Uint8Array): { envelope: Envelope; record: Uint8Array | undefined } {
  let fields: unknown
  try {
    fields = decode(bytes)
  } catch (cause) {
    throw new Fault('envelope.undecodable', { size: bytes.length, reason: cause instanceof Error ? cause.message : String(cause) }, { cause })
  }
  if (!Array.isArray(fields) || typeof fields[0] !== 'number') throw new Fault('envelope.undecodable', { size: bytes.length, reason: 'not an envelope' })
  if (fields[0] > envelopeFormat) {
    throw new Fault('envelope.format', { have: String(fields[0]), want: envelopeFormat })
  }
  return { envelope: envelopeOf(to, fields), record: (fields[12] as Uint8Array | null | undefined) ?? undefined }
}

function envelopeOf(to: Address, fields: readonly unknown[]): Envelope {
  const is = contents[fields[1] as number]
  if (is === undefined) throw new Fault('envelope.format', { have: `content ${String(fields[1])}`, want: contents.length - 1 })
  const body = fields[2]
  const waits = fields[10] as [string, string, number, string?] | number | null | undefined
  const ask = Array.isArray(waits) ? { to: waits[0], id: waits[1], deadline: waits[2], emitted: waits[3] } : undefined
  return {
    to,
    content: (is === 'event' ? { is, event: body } : { is, ...(body as object | null) }) as Content,
    from: (fields[3] as string | null) ?? undefined,
    at: fields[4] as number,
    id: (fields[5] as string | null | undefined) ?? undefined,
    n: (fields[6] as number | undefined) ?? 0,
    index: (fields[7] as number | undefined) ?? 0,
    generation: (fields[8] as number | undefined) ?? 0,
    cause: (fields[9] as string | null | undefined) ?? undefined,
    ask,
    deadline: ask?.deadline ?? (typeof waits === 'number' ? waits : undefined),
    traceparent: (fields[11] as string | null | undefined) ?? undefined,
  }
}

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
  const ask = client !== undefined && typeof note.ask === 'string' && clientPattern.test(note.ask) ? note.ask : undefined
  const child = typeof note.child === 'string' && childPattern.test(note.child) ? note.child : ''
  if (to.length + child.length > limits.addressChars) throw new Fault('address.invalid', { value: `${to}${child.slice(0, 80)}…` })
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
  return { session, floor: Number.isSafeInteger(note.floor) ? note.floor : undefined, n: Number.isSafeInteger(note.n) ? (note.n as number) : 0 }
}

function valueOf(bytes: Uint8Array): unknown {
  let value: unknown
  try {
    // Our own clients send inline records, which only our own reader knows; an array of three.
    value = bytes[0] === 0x93 ? decode(bytes) : decodeForeign(bytes)
  } catch (cause) {
    throw new Fault('envelope.undecodable', { size: bytes.length, reason: cause instanceof Error ? cause.message : String(cause) }, { cause })
  }
  if (bytes.length > limits.nestedMost && isNestedOver(value, limits.nestedMost)) {
    throw new Fault('envelope.undecodable', { size: bytes.length, reason: `it is nested more than ${limits.nestedMost} deep` })
  }
  return value
}

function noteOf(value: unknown): OutsideNote {
  return ((Array.isArray(value) && typeof value[0] === 'number' ? value[2] : undefined) ?? {}) as OutsideNote
}

function deadlineOf(note: OutsideNote, at: number): number {
  return typeof note.deadline === 'number' && Number.isFinite(note.deadline) ? note.deadline : at + 30_000
}

export function isEvent(value: unknown): value is AnyEvent {
  return typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string'
}
