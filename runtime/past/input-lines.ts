/**
 * Inputs as lines of JSON, for people and programs, and back again. Invariant: a line that was not
 * edited gives the input exactly as it was, also what JSON would bend; of one that was, its plain
 * fields count.
 */
import type { Address } from '#protocol/address.ts'
import { decode, encode } from '#protocol/codec.ts'
import { type AnyEvent, bareEnvelope, isEvent } from '#protocol/envelope.ts'
import { Fault } from '#protocol/fault.ts'
import type { Arrival } from '#runtime/core/arrival.ts'
import type { Input } from './inputs.ts'

export type InputLine = {
  readonly n: number
  readonly record: number
  readonly at: number
  readonly seq: number
  readonly by: Arrival['by'] | 'unknown'
  readonly type: string
  readonly from?: string | undefined
  readonly sender?: string | number | undefined
  readonly cause?: string | undefined
  readonly mark?: string | undefined
  /** Of an envelope or an emitted event: what it says. */
  readonly event?: unknown
  readonly effect?: string | undefined
  /** What JSON cannot keep: the input itself. Take it out of a line that you edit. */
  readonly exact?: string | undefined
}

export function inputLineOf(input: Input): InputLine {
  const { n, record, at, seq, type, mark, arrival, event, now } = input
  const head = { n, record, at, seq, by: arrival?.by ?? ('unknown' as const), type, mark }
  if (arrival === undefined) return head
  const exact = Buffer.from(encode([arrival, now])).toString('base64')
  if (arrival.by !== 'envelope')
    return {
      ...head,
      event: arrival.by === 'topic' ? arrival.event : event,
      ...('effect' in arrival ? { effect: arrival.effect } : {}),
      exact,
    }
  const { content, from, sender, cause } = arrival.envelope
  const effect = 'effect' in content ? content.effect : undefined
  return { ...head, from, sender, cause, event: saidBy(content), effect, exact }
}

/** Of a result what it was, of anything else what it says. */
function saidBy(content: Extract<Arrival, { by: 'envelope' }>['envelope']['content']): unknown {
  if (content.is === 'event') return content.event
  const { is: _, ...rest } = content
  return rest
}

/** An edited line is an event of the same sender, at the same instant. */
export function inputOfLine(address: Address, text: string): Input {
  const line = parsed(text)
  const { n, record, at, seq, type, mark } = line
  const head = { n, record, at, seq, type, mark: mark as Input['mark'], event: undefined }
  if (typeof line.exact === 'string') {
    const [arrival, now] = decode(Buffer.from(line.exact, 'base64')) as [Arrival, number]
    return { ...head, now, arrival }
  }
  if (!isEvent(line.event)) throw unreadable(text, 'it has neither "exact" nor an "event" with a type')
  return { ...head, now: at, type: line.event.type, arrival: arrivalOf(address, line, line.event) }
}

function arrivalOf(to: Address, { from, sender = 'x', seq, at, cause }: InputLine, event: AnyEvent): Arrival {
  const envelope = {
    ...bareEnvelope,
    ...{ to, content: { is: 'event', event } as const, from, at, cause, seq, sender: sender as 'x' },
  }
  return { by: 'envelope', envelope }
}

function parsed(text: string): InputLine {
  let line: unknown
  try {
    line = JSON.parse(text)
  } catch (cause) {
    throw unreadable(text, cause instanceof Error ? cause.message : String(cause))
  }
  const { n, at, seq } = (line ?? {}) as Partial<InputLine>
  if (typeof n !== 'number' || typeof at !== 'number' || typeof seq !== 'number')
    throw unreadable(text, 'n, at and seq are missing')
  return line as InputLine
}

function unreadable(text: string, reason: string): Fault {
  return new Fault('past.input', { value: text.slice(0, 80), reason })
}
