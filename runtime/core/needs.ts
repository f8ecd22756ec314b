/** Why an idle actor must not be forgotten: its next instant, running effects, subscriptions. */
import type { KindOptions } from '#protocol/actor.ts'
import type { ActorState, Book } from '#protocol/state.ts'
import { cronNext } from './cron.ts'
import { dueOf } from './due.ts'
import { questionsDue } from './question.ts'

export type LiveNeeds = { readonly due: number | undefined; readonly effects: boolean; readonly subscribed: boolean }

/** What of an actor decides its needs. */
type Waiting = {
  readonly book: Book
  readonly blueprint: { readonly options: KindOptions }
  readonly steppedAt: number
  readonly bornAt: number
}

/** What its owner knows of the partition, and for how long a question is kept after its deadline. */
export type Away = { readonly awayMs: number; readonly openedAt: number; readonly askLateMs: number }

export function ttlDue(live: Pick<Waiting, 'blueprint' | 'steppedAt'>): number | undefined {
  const { ttlMs } = live.blueprint.options
  return ttlMs === undefined ? undefined : live.steppedAt + ttlMs
}

export function needsOf(live: Waiting, around: Away): LiveNeeds {
  const { book } = live
  return {
    due: nextDue(live, around),
    effects: isUnfinished(book),
    subscribed: book.subscriptions !== undefined,
  }
}

/** Whoever takes it up has something to begin: an effect, an outbox, what waits for a state that handles it. */
function isUnfinished({ effects, outbox, deferred }: Book): boolean {
  return effects !== undefined || outbox !== undefined || deferred !== undefined
}

export function nextDue(live: Waiting, around: Away): number | undefined {
  const { book, blueprint } = live
  // Most actors wait for no instant at all, and this is asked after every step.
  if (
    book.timers === undefined &&
    book.asks === undefined &&
    book.ended === undefined &&
    blueprint.options.ttlMs === undefined &&
    blueprint.options.cron === undefined
  )
    return undefined
  let least = Number.POSITIVE_INFINITY
  for (const due of dues(live, around)) if (due.due < least) least = due.due
  return least === Number.POSITIVE_INFINITY || least === Number.MAX_SAFE_INTEGER ? undefined : least
}

export type Due = { readonly name: string; readonly visit: number; readonly due: number }

/** Every instant that this actor waits for. */
export function dues(live: Waiting, around: Away): Due[] {
  const { book, blueprint } = live
  if (book.ended !== undefined) return [{ name: '.retire', visit: 0, due: book.ended.retire }]
  const all: Due[] = []
  for (const name in book.timers) {
    const timer = book.timers[name]
    if (timer !== undefined) all.push({ name, visit: timer.visit, due: dueOf(timer, around) })
  }
  const asks = questionsDue(book, around.askLateMs)
  if (asks !== undefined) all.push({ name: '.asks', visit: 0, due: asks })
  if (book.parent === undefined) {
    const ttl = ttlDue(live)
    if (ttl !== undefined) all.push({ name: '.ttl', visit: 0, due: ttl })
    const { cron } = blueprint.options
    const next = cron === undefined ? undefined : cronNext(cron, book.cron?.last ?? live.bornAt)
    if (next !== undefined) all.push({ name: '.cron', visit: 0, due: next })
  }
  return all
}

/** What is due at this instant, earliest first; of one instant, in the order it was armed. */
export function dueNow(live: Waiting, around: Away, now: number): Due[] {
  // It sleeps until its definition fits; then it is late.
  if (live.book.unfit !== undefined) return []
  return dues(live, around)
    .filter((one) => one.due <= now)
    .sort((a, b) => a.due - b.due || a.visit - b.visit)
}

/** The same from a state that nobody revives, for a fold: a lower bound of its next instant. */
export function needsOfState(state: ActorState, options: KindOptions | undefined): LiveNeeds {
  const blueprint = { options: options ?? {} }
  const due = nextDue(
    { book: state.book, blueprint, steppedAt: state.steppedAt, bornAt: state.bornAt },
    { awayMs: 0, openedAt: 0, askLateMs: 0 },
  )
  return {
    due,
    effects: isUnfinished(state.book),
    subscribed: state.book.subscriptions !== undefined,
  }
}
