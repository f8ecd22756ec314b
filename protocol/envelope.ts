/**
 * An envelope is an event on its way: who sent it, when, in answer to what, and the numbers by
 * which its receiver tells a copy from a new one. It serves the clause "an envelope arrives on
 * a subject". On the wire it is an array, so that old readers skip what newer writers append;
 * the address is not in it, because the subject says it.
 */
import type { Address } from './address.ts'
import { decode, encodeBrief } from './codec.ts'
import { Fault } from './fault.ts'
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
  /** For what runs on behalf of its receiver: a callback that another actor has a reference to. */
  | { readonly is: 'tell'; readonly effect: string; readonly event: AnyEvent }
  /**
   * Back to a state that it had, or to none, if it is still as it was seen: how many steps, born when; or not there.
   * Written by those who run actors. `then` is taken in the commit in which it goes back, or not at all.
   */
  | {
      readonly is: 'rewind'
      readonly state: Uint8Array | null
      readonly seen: readonly [steps: number, bornAt: number] | null
      readonly then?: AnyEvent
    }

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
  /** With a session: one of these bytes may be on the log already. */
  readonly again?: boolean | undefined
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

/** The rest of an envelope of which no more is known than for whom it is, what it says and when it was written. */
export const bareEnvelope = {
  from: undefined,
  id: undefined,
  n: 0,
  index: 0,
  generation: 0,
  cause: undefined,
  ask: undefined,
  deadline: undefined,
  traceparent: undefined,
} as const satisfies Omit<Envelope, 'to' | 'content' | 'at'>

/** An envelope as it was read from the log. */
export type Arrived = Envelope & { readonly seq: number; readonly sender: Sender }

const contents = [
  'event',
  'start',
  'stop',
  'delete',
  'watch',
  'unwatch',
  'effect',
  'cancelTimer',
  'resolveEffect',
  'cancel',
  'tell',
  'rewind',
] as const

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
    throw new Fault(
      'envelope.undecodable',
      { size: bytes.length, reason: cause instanceof Error ? cause.message : String(cause) },
      { cause },
    )
  }
  if (!Array.isArray(fields) || typeof fields[0] !== 'number')
    throw new Fault('envelope.undecodable', { size: bytes.length, reason: 'not an envelope' })
  if (fields[0] > envelopeFormat) {
    throw new Fault('envelope.format', { have: String(fields[0]), want: envelopeFormat })
  }
  return { envelope: envelopeOf(to, fields), record: (fields[12] as Uint8Array | null | undefined) ?? undefined }
}

function envelopeOf(to: Address, fields: readonly unknown[]): Envelope {
  const is = contents[fields[1] as number]
  if (is === undefined)
    throw new Fault('envelope.format', { have: `content ${String(fields[1])}`, want: contents.length - 1 })
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

export function isEvent(value: unknown): value is AnyEvent {
  return typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string'
}
