/**
 * What an effect tells: its end, an event of its stream, an attempt that failed. It counts only
 * while the effect is pending here, so a stale owner's result and a second copy change nothing.
 */
import type { EffectResult } from '#protocol/envelope.ts'
import { Fault, plainErrorOf } from '#protocol/fault.ts'
import type { Arrival } from './arrival.ts'
import { dropEffect } from './interpret.ts'
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
  const child = effect.child ?? effect.name
  switch (result.is) {
    case 'event':
    case 'snapshot': {
      if (result.nth <= effect.taken) {
        making.mark = 'duplicate'
        return
      }
      live.book.effects = { ...live.book.effects, [id]: { ...effect, taken: result.nth } }
      const event = result.is === 'event' ? result.event : { type: `xstate.snapshot.${child}`, snapshot: result.snapshot }
      return takeEvent(making, event, () => {
        making.mark = 'unhandled'
      })
    }
    case 'done':
      dropEffect(live, effect.id)
      if (effect.is === 'action') return
      return takeEvent(making, { type: `xstate.done.actor.${child}`, output: result.output, actorId: child }, () => {
        making.mark = 'unhandled'
      })
    case 'error':
    case 'unknown': {
      dropEffect(live, effect.id)
      if (effect.is === 'action') return
      const error = result.is === 'error' ? result.error : plainErrorOf(new Fault('effect.unknown', { value: effect.name }))
      return takeEvent(making, { type: `xstate.error.actor.${child}`, error, actorId: child }, () => {
        making.mark = 'unhandled'
      })
    }
  }
}

export function onAttempted(making: Making, arrival: Extract<Arrival, { by: 'attempted' }>): void {
  const { live } = making
  const effect = live.book.effects?.[arrival.effect]
  if (effect === undefined) {
    making.mark = 'stale'
    return
  }
  making.changed = true
  live.book.effects = { ...live.book.effects, [effect.id]: { ...effect, attempt: arrival.attempt, notBefore: arrival.notBefore, lastError: arrival.error } }
}

export function onCancel(making: Making, ask: string, from: string | undefined): void {
  const { live, deeds } = making
  const mine = (one: { readonly to: string; readonly id: string } | undefined): boolean => one?.id === ask && one.to === from
  live.book.asks = (live.book.asks ?? []).filter((one) => !mine(one))
  making.changed = true
  for (const effect of Object.values(live.book.effects ?? {})) {
    if (mine(effect.ask)) deeds.push({ is: 'abort', effect: effect.id, reason: 'cancelled' })
  }
}

