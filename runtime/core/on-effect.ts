/**
 * What an effect tells: its end, an event of its stream, an attempt that failed. It counts only
 * while the effect is pending here, so a stale owner's result and a second copy change nothing.
 */
import type { AnyEvent, EffectResult } from '#protocol/envelope.ts'
import { Fault } from '#protocol/fault.ts'
import type { Effect } from '#protocol/state.ts'
import type { Arrival } from './arrival.ts'
import { dropEffect } from './interpret.ts'
import { forgetNames } from './live.ts'
import { answerEmitted, closeQuestion } from './question.ts'
import type { Making } from './making.ts'
import { takeEvent } from './take-event.ts'

export function onEffect(making: Making, id: string, result: EffectResult): void {
  const { live } = making
  const effect = live.book.effects?.[id]
  if (effect === undefined) {
    making.mark = 'stale'
    return
  }
  making.changed = true
  if (!('nth' in result)) finish(making, effect)
  else if (result.nth > effect.taken)
    live.book.effects = { ...live.book.effects, [id]: { ...effect, taken: result.nth } }
  else {
    making.mark = 'duplicate'
    return
  }
  if (result.is === 'emitted') {
    making.outputs.push({ is: 'emit', event: result.event })
    return answerEmitted(making, result.event)
  }
  const event = toldBy(effect, result)
  if (event !== undefined) takeEvent(making, event)
}

/** What the machine hears of a result. */
export function toldBy(effect: Effect, result: EffectResult): AnyEvent | undefined {
  const child = effect.child ?? effect.name
  switch (result.is) {
    case 'event':
      return result.event
    case 'snapshot':
      return { type: `xstate.snapshot.${child}`, snapshot: result.snapshot }
    case 'emitted':
      return undefined
    case 'done':
      if (effect.is === 'action') return undefined
      return { type: `xstate.done.actor.${child}`, output: result.output, actorId: child }
    case 'error':
    case 'unknown': {
      const error = result.is === 'error' ? result.error : new Fault('effect.unknown', { value: effect.name })
      // In one process a throwing action ends its actor at once; here it ran after the commit, so it is told.
      if (effect.is === 'action') return { type: 'effect.failed', effect: effect.name, error }
      return { type: `xstate.error.actor.${child}`, error, actorId: child }
    }
  }
}

/** XState keeps a finished child in `children`; its name in the system is free. */
function finish({ live, family }: Making, effect: Effect): void {
  dropEffect(live, effect.id)
  forgetNames(family, { address: live.address, effect: effect.id })
}

export function onAttempted(making: Making, arrival: Extract<Arrival, { by: 'attempted' }>): void {
  const { live } = making
  const effect = live.book.effects?.[arrival.effect]
  if (effect === undefined) {
    making.mark = 'stale'
    return
  }
  making.changed = true
  const { attempt, begun, notBefore, error } = arrival
  const noted = { ...effect, attempt, begun, notBefore, ...(error === undefined ? {} : { lastError: error }) }
  live.book.effects = { ...live.book.effects, [effect.id]: noted }
  if (begun === attempt) making.deeds.push({ is: 'attempt', effect: effect.id, attempt })
}

export function onCancel(making: Making, ask: string, from: string | undefined): void {
  const { live, deeds } = making
  const mine = (one: { readonly to: string; readonly id: string } | undefined): boolean =>
    one?.id === ask && one.to === from
  if (from !== undefined) closeQuestion(live, { to: from, id: ask })
  making.changed = true
  for (const effect of Object.values(live.book.effects ?? {})) {
    if (mine(effect.ask)) deeds.push({ is: 'abort', effect: effect.id, reason: 'cancelled' })
  }
}
