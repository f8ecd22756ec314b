/**
 * What an effect tells: its end, an event of its stream, an attempt that failed. It counts only
 * while the effect is pending here, so a stale owner's result and a second copy change nothing.
 */
import type { EffectResult } from '#protocol/envelope.ts'
import { Fault } from '#protocol/fault.ts'
import type { Effect } from '#protocol/state.ts'
import type { Arrival } from './arrival.ts'
import { dropEffect } from './interpret.ts'
import { forgetNames } from './live.ts'
import { answerEmitted } from './question.ts'
import { count, type Making } from './making.ts'
import { isInternal, takeEvent } from './take-event.ts'

export function onEffect(making: Making, id: string, result: EffectResult): void {
  const { live } = making
  const effect = live.book.effects?.[id]
  if (effect === undefined) {
    making.mark = 'stale'
    return
  }
  making.changed = true
  const child = effect.child ?? effect.name
  switch (result.is) {
    case 'event':
    case 'snapshot':
    case 'emitted': {
      if (result.nth <= effect.taken) {
        making.mark = 'duplicate'
        return
      }
      live.book.effects = { ...live.book.effects, [id]: { ...effect, taken: result.nth } }
      if (result.is === 'emitted') {
        making.outputs.push({ is: 'emit', event: result.event })
        return answerEmitted(making, result.event)
      }
      const event =
        result.is === 'event' ? result.event : { type: `xstate.snapshot.${child}`, snapshot: result.snapshot }
      return takeEvent(making, event, () => unheard(making, event.type))
    }
    case 'done':
      finish(making, effect)
      if (effect.is === 'action') return
      return takeEvent(making, { type: `xstate.done.actor.${child}`, output: result.output, actorId: child }, () =>
        unheard(making),
      )
    case 'error':
    case 'unknown': {
      finish(making, effect)
      // In one process a throwing action ends its actor at once; here it ran after the commit, so it is told.
      if (effect.is === 'action' && result.is === 'error')
        return takeEvent(making, { type: 'effect.failed', effect: effect.name, error: result.error }, () =>
          unheard(making, 'effect.failed'),
        )
      const error = result.is === 'error' ? result.error : new Fault('effect.unknown', { value: effect.name })
      return takeEvent(making, { type: `xstate.error.actor.${child}`, error, actorId: child }, () => unheard(making))
    }
  }
}

/** That nobody listens for the end of a child is ordinary; an event that it sent is one that got lost. */
function unheard(making: Making, type = 'xstate.'): void {
  making.mark = 'unhandled'
  if (!isInternal(type)) count(making.live, 'unhandled')
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
  live.book.effects = {
    ...live.book.effects,
    [effect.id]: { ...effect, attempt: arrival.attempt, notBefore: arrival.notBefore, lastError: arrival.error },
  }
}

export function onCancel(making: Making, ask: string, from: string | undefined): void {
  const { live, deeds } = making
  const mine = (one: { readonly to: string; readonly id: string } | undefined): boolean =>
    one?.id === ask && one.to === from
  live.book.asks = (live.book.asks ?? []).filter((one) => !mine(one))
  making.changed = true
  for (const effect of Object.values(live.book.effects ?? {})) {
    if (mine(effect.ask)) deeds.push({ is: 'abort', effect: effect.id, reason: 'cancelled' })
  }
}
