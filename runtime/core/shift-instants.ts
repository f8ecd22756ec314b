/**
 * A state and an envelope as if time had stood still for so long: every instant that somebody waits
 * for lies that much later. It serves "timers come back with it, shifted". Pure. Invariant: of what
 * is waited for nothing comes sooner than its own delay after the instant at which it was armed, and
 * the order of instants stays.
 *
 * Schedules stay where they are: they follow the calendar. What counts only the time in which its
 * partition had an owner is moved by that count, and one that begins again begins again anyway.
 */
import type { Envelope } from '#protocol/envelope.ts'
import type { ActorState, Book, Deferred, Effect, Timer } from '#protocol/state.ts'

export function shiftState(state: ActorState, ms: number): ActorState {
  // A time to live counts from the last step.
  return { ...state, steppedAt: state.steppedAt + ms, book: shiftBook(state.book, ms) }
}

export function shiftEnvelope(envelope: Envelope, ms: number): Envelope {
  const { ask, deadline } = envelope
  if (ask === undefined && deadline === undefined) return envelope
  return {
    ...envelope,
    ask: ask && later(ask, ms),
    deadline: deadline === undefined ? undefined : deadline + ms,
  }
}

function shiftBook(book: Book, ms: number): Book {
  const { timers, effects, asks, deferred, ids, ended, restarts } = book
  return {
    ...book,
    ...(timers && { timers: each(timers, (timer) => shiftTimer(timer, ms)) }),
    ...(effects && { effects: each(effects, (effect) => shiftEffect(effect, ms)) }),
    ...(asks && { asks: asks.map((ask) => later(ask, ms)) }),
    ...(deferred && { deferred: deferred.map((one) => shiftDeferred(one, ms)) }),
    ...(ids && { ids: each(ids, (at) => at + ms) }),
    ...(ended && { ended: { ...ended, retire: ended.retire + ms } }),
    ...(restarts && { restarts: restarts.map((at) => at + ms) }),
  }
}

function shiftTimer(timer: Timer, ms: number): Timer {
  const { due, awayMs, ask } = timer
  // The time without an owner is added when it is asked for; here it is taken for known already.
  return { ...timer, due: due + ms, awayMs: awayMs + ms, ...(ask && { ask: later(ask, ms) }) }
}

function shiftEffect(effect: Effect, ms: number): Effect {
  const { notBefore, deadline, ask } = effect
  return {
    ...effect,
    notBefore: notBefore + ms,
    deadline: deadline === undefined ? undefined : deadline + ms,
    ...(ask && { ask: later(ask, ms) }),
  }
}

function shiftDeferred(one: Deferred, ms: number): Deferred {
  const { ask } = one
  return { ...one, envelope: shiftEnvelope(one.envelope, ms), ...(ask && { ask: later(ask, ms) }) }
}

function later<T extends { readonly deadline: number }>(question: T, ms: number): T {
  return { ...question, deadline: question.deadline + ms }
}

function each<T>(all: Readonly<Record<string, T>>, change: (one: T) => T): Record<string, T> {
  return Object.fromEntries(Object.entries(all).map(([name, one]) => [name, change(one)]))
}
