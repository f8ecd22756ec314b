/**
 * Open questions of an actor and who answers them. XState knows no reply, so the runtime keeps
 * each question in the actor's book until it is answered: `reply()` answers the question on
 * whose behalf the step happens, or else the oldest one that somebody waits for. Invariants: a
 * book holds no more than `asksMost` questions, and none for longer than `askLateMs` past its
 * deadline; that long an answer is still given, for whoever asks again under the same id.
 */
import type { Address } from '#protocol/address.ts'
import { type AnyEvent, type Ask, isEvent } from '#protocol/envelope.ts'
import { Fault, type StoredFault } from '#protocol/fault.ts'
import type { Book } from '#protocol/state.ts'
import type { Answer, Circumstances, Output } from './arrival.ts'
import type { Live } from './live.ts'

type Answering = {
  readonly live: Live
  readonly around: Pick<Circumstances, 'now'>
  readonly outputs: Output[]
  readonly ask: Ask | undefined
  readonly deadline: number | undefined
  readonly from: Address | undefined
}

/** The keys of a book's limits in what a step knows of the world. */
type Around = Pick<Circumstances, 'now' | 'asksMost' | 'askLateMs'>

/** A fault when there is no room; a question that nobody waits for any more makes room first. */
export function openQuestion(live: Live, ask: Ask, { now, asksMost, askLateMs }: Around): Fault | undefined {
  let open = (live.book.asks ?? []).filter((one) => one.deadline + askLateMs > now && !isSame(one, ask))
  if (open.length >= asksMost) open = open.filter((one) => one.deadline > now)
  if (open.length >= asksMost) return new Fault('ask.tooMany', { value: live.address, limit: asksMost })
  live.book.asks = [...open, ask]
  return undefined
}

/** When the first of its open questions is to be forgotten. */
export function questionsDue(book: Book, askLateMs: number): number | undefined {
  if (book.asks === undefined) return undefined
  let least = Number.POSITIVE_INFINITY
  for (const { deadline } of book.asks) if (deadline < least) least = deadline
  return least === Number.POSITIVE_INFINITY ? undefined : least + askLateMs
}

/** False when none was to be forgotten yet. */
export function forgetQuestions(live: Live, { now, askLateMs }: Around): boolean {
  const asks = live.book.asks ?? []
  const open = asks.filter((one) => one.deadline + askLateMs > now)
  keep(live, open)
  return open.length < asks.length
}

export function answerTo(draft: Answering, value: unknown): void {
  const { live, outputs, from } = draft
  const open = live.book.asks ?? []
  const oldest = open.find((one) => one.deadline > draft.around.now) ?? open[0]
  const ask =
    open.find((one) => draft.ask !== undefined && isSame(one, draft.ask)) ?? (from === undefined ? oldest : undefined)
  if (ask !== undefined) return close(live, outputs, ask, { is: 'value', value })
  // Asked by another actor: it hears the answer as an event.
  if (from !== undefined && isEvent(value)) {
    outputs.push({
      is: 'send',
      to: from,
      content: { is: 'event', event: value },
      ask: undefined,
      deadline: draft.deadline,
    })
  }
}

/** Questions that named this type of emitted event as their answer. */
export function answerEmitted(draft: Answering, event: AnyEvent): void {
  const { live, outputs } = draft
  const waiting = (live.book.asks ?? []).filter((one) => one.emitted === event.type)
  const ask = waiting.find((one) => draft.ask !== undefined && isSame(one, draft.ask)) ?? waiting[0]
  if (ask !== undefined) close(live, outputs, ask, { is: 'value', value: event })
}

/** The actor ends: whoever still waits is told. */
export function answerAll(
  live: Live,
  outputs: Output[],
  end: { readonly output?: unknown; readonly fault?: StoredFault },
): void {
  for (const ask of live.book.asks ?? []) {
    const answer: Answer =
      end.fault === undefined ? { is: 'value', value: end.output } : { is: 'fault', fault: end.fault }
    outputs.push({ is: 'reply', ask, answer })
  }
  delete live.book.asks
}

function close(live: Live, outputs: Output[], ask: Ask, answer: Answer): void {
  outputs.push({ is: 'reply', ask, answer })
  closeQuestion(live, ask)
}

export function closeQuestion(live: Live, ask: Pick<Ask, 'to' | 'id'>): void {
  keep(
    live,
    (live.book.asks ?? []).filter((one) => !isSame(one, ask)),
  )
}

function keep(live: Live, asks: Ask[]): void {
  if (asks.length > 0) live.book.asks = asks
  else delete live.book.asks
}

function isSame(a: Pick<Ask, 'to' | 'id'>, b: Pick<Ask, 'to' | 'id'>): boolean {
  return a.id === b.id && a.to === b.to
}
