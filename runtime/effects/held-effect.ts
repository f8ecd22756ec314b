/**
 * An effect as long as this node has to do with it: as the owner of its actor, wherever it runs,
 * or as the one that runs it for another. It serves the clause "effects run after the commit".
 * Invariant: of each effect there is one here, so that a node which becomes the owner of what it
 * runs already does not run it twice.
 */
import { type Address, kindOf } from '#protocol/address.ts'
import type { AnyEvent } from '#protocol/envelope.ts'
import type { Effect } from '#protocol/state.ts'
import type { Clock } from '#runtime/clock.ts'
import type { Blueprint } from '#runtime/core/blueprint.ts'
import { placesOf } from '#runtime/core/places.ts'
import type { EffectRun } from './effect-run.ts'
import { type Names, noNames } from './effect-system.ts'
import { restOf } from '#runtime/members/rest.ts'

/** `line`: behind others of its kind; `here`: it has its place, though it may wait for its number. */
export type Place =
  | { readonly is: 'nowhere' }
  | { readonly is: 'line' }
  | { readonly is: 'here' }
  | {
      readonly is: 'there'
      readonly node: string
      readonly life: string
      readonly attempt: number
      isGoing: boolean
      /** It may have begun there. */
      isSent: boolean
      isAccepted: boolean
    }

export type Held = {
  readonly address: Address
  readonly partition: number
  readonly blueprint: Blueprint
  effect: Effect
  /** Whether this node owns its actor, or runs it for who does. */
  isOwn: boolean
  at: Place
  run: EffectRun | undefined
  /** What it was sent before it ran: it waits for a place, or for its next attempt. */
  readonly told: AnyEvent[]
  alarms: { cancel(): void }[]
  over: boolean
  /** The number of the last event that it told. */
  nth: number
  /** What it sends is stored one after the other: order holds, and nothing overtakes a resend. */
  posting: Promise<void>
  /** The family's names, as they stood when its owner was another; used while it is not here. */
  names: Names
  /** Of events from its owner: whose they are, and how many were taken. */
  heard: { readonly life: string; readonly nth: number }
  /** Of events to it, when it runs elsewhere. */
  telling: Promise<unknown>
  tells: number
  /** Its attempt failed, and its owner has to say whether there is another. */
  failure: { readonly error: unknown } | undefined
  /** Why it runs nowhere. */
  reason: string | undefined
  /** Who would not run it, and why; by life. */
  readonly refusals: Map<string, string>
}

export type HeldEffects = {
  readonly all: ReadonlyMap<string, Held>
  add(one: Pick<Held, 'address' | 'partition' | 'blueprint' | 'effect' | 'isOwn' | 'names'>): Held
  /** Into the line of its kind; `start` is called when it has its place. */
  enter(one: Held): void
  /** It has no place any more, and may come again. */
  leave(one: Held): void
  over(one: Held): void
  /** All at once: the place of one is not for another that is let go, too. */
  overAll(ones: readonly Held[]): void
  /** Counts what is still on its way to the log. */
  deliver(work: Promise<void>): Promise<void>
  drain(until: number): Promise<void>
}

const nowhere: Place = { is: 'nowhere' }

export function heldEffects(
  { clock, start }: { readonly clock: Clock; readonly start: (one: Held) => void },
  limit: number,
): HeldEffects {
  const all = new Map<string, Held>()
  let delivering = 0
  const rest = restOf(clock, () => delivering > 0 || [...all.values()].some(({ at }) => at.is === 'here'))
  const places = placesOf<Held>(
    (one) => {
      one.at = { is: 'here' }
      start(one)
    },
    (one) => one.over || one.at.is !== 'line',
  )

  function leave(one: Held): void {
    const { at } = one
    one.run = undefined
    one.at = nowhere
    if (at.is !== 'here') return
    places.leave(kindOf(one.address))
    rest.check()
  }

  function overAll(ones: readonly Held[]): void {
    const ending = ones.filter(({ over }) => !over)
    for (const one of ending) one.over = true
    for (const one of ending) {
      for (const alarm of one.alarms) alarm.cancel()
      if (all.get(one.effect.id) === one) all.delete(one.effect.id)
      one.run?.stop()
      leave(one)
    }
  }

  return {
    all,
    add(given) {
      const one: Held = {
        ...given,
        at: nowhere,
        run: undefined,
        told: [],
        alarms: [],
        over: false,
        nth: given.effect.taken,
        posting: Promise.resolve(),
        heard: { life: '', nth: 0 },
        telling: Promise.resolve(),
        tells: 0,
        failure: undefined,
        reason: undefined,
        refusals: new Map(),
      }
      all.set(given.effect.id, one)
      return one
    },
    enter(one) {
      if (one.over) return
      one.at = { is: 'line' }
      places.enter(kindOf(one.address), one.blueprint.options.effectLimit ?? limit, one)
    },
    leave,
    over: (one) => overAll([one]),
    overAll,
    async deliver(work) {
      delivering++
      await work.finally(() => {
        delivering--
        rest.check()
      })
    },
    drain: (until) => rest.by(until),
  }
}

/** Names that were taken along: they stay as they stood. */
export function fixedNames(names: Names): Names {
  const registered = names === noNames ? {} : { ...names.registered() }
  return { lookup: (name) => registered[name], registered: () => registered }
}

/** Whether it is on the log that its present attempt has begun. */
export function isNoted({ attempt, begun = attempt }: Effect): boolean {
  return begun === attempt
}
