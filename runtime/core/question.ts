/**
 * Open questions of an actor and who answers them. XState knows no reply, so the runtime keeps
 * each question in the actor's book until it is answered: `reply()` answers the question on
 * whose behalf the step happens, or else the oldest open one.
 */
import type { Address } from '#protocol/address.ts'
import { type AnyEvent, type Ask, isEvent } from '#protocol/envelope.ts'
import type { StoredFault } from '#protocol/fault.ts'
import type { Answer, Output } from './arrival.ts'
import type { Live } from './live.ts'

type Answering = {
  readonly live: Live
  readonly outputs: Output[]
  readonly ask: Ask | undefined
  readonly deadline: number | undefined
  readonly from: Address | undefined
}

export function openQuestion(live: Live, ask: Ask, now: number): void {
  const open = (live.book.asks ?? []).filter((one) => one.deadline > now && !isSame(one, ask))
  live.book.asks = [...open, ask]
}

export function answerTo(draft: Answering, value: unknown): void {
  const { live, outputs, from } = draft
  const open = live.book.asks ?? []
  const ask =
    open.find((one) => draft.ask !== undefined && isSame(one, draft.ask)) ?? (from === undefined ? open[0] : undefined)
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
  const left = (live.book.asks ?? []).filter((one) => !isSame(one, ask))
  if (left.length > 0) live.book.asks = left
  else delete live.book.asks
}

function isSame(a: Ask, b: Ask): boolean {
  return a.id === b.id && a.to === b.to
}
