/**
 * What XState did during one macrostep, written down in its order, and the numbers that its
 * children get from it. It serves the clause "what the actor sent": `scope.ts` writes it,
 * `describe.ts` reads it.
 */
import type { AnyTransitionDefinition } from 'xstate'
import { childAddressOf } from '#protocol/address.ts'
import { Ref } from '#protocol/codec.ts'
import type { Blueprint } from './blueprint.ts'
import { earlyEffectId, isSameEffect } from './effect-ref.ts'
import type { LiveSnapshot, Surroundings } from './machine-step.ts'

/** An action as XState hands it to its executor. */
export type RawAction = {
  readonly type: string
  readonly params: unknown
  readonly info?: { readonly context: unknown; readonly event: { readonly type: string } }
  readonly exec?: unknown
  delayName?: string
}

/** The unstarted Actor that XState builds for a child, as far as it is looked at here. */
export type Newborn = {
  readonly id: string
  readonly src: unknown
  readonly systemId: string | undefined
  readonly _syncSnapshot: boolean | undefined
}

export type Birth = {
  readonly actor: Newborn
  announced: boolean
  stopped: boolean
  placed: boolean
  number: number
  ref: Ref | undefined
}

export type Microstep = {
  readonly event: { readonly type: string }
  readonly snapshot: LiveSnapshot
  readonly transitions: readonly AnyTransitionDefinition[]
}

export type Macrostep = {
  blueprint: Blueprint
  surroundings: Surroundings
  before: LiveSnapshot | undefined
  readonly raw: RawAction[]
  readonly births: Map<unknown, Birth>
  /** Children that were alive before this step and are stopped by it: their system ids are free. */
  readonly stopped: Ref[]
  microsteps: Microstep[] | undefined
  /** Whether any transition was taken, a forbidden one included. */
  taken: boolean
  delayName: string | undefined
  /** How far `numberBirths` has come, and the numbers it gives next. */
  counted: number
  nextNumber: number
}

export function isDelayed(action: RawAction): boolean {
  return typeof (action.params as { delay?: unknown } | undefined)?.delay === 'number'
}

/**
 * Numbers the children born so far in the order of their actions. Delayed events take a number
 * as well, as the book counts them. Called at the end of a step, and before that only when the
 * machine asks the system for a child of this very step. An effect gets its id from the runtime
 * after the step; until then the number stands for it (see `effect-ref.ts`).
 */
export function numberBirths(macro: Macrostep): void {
  const { blueprint, surroundings, raw, births } = macro
  for (; macro.counted < raw.length; macro.counted++) {
    const action = raw[macro.counted] as RawAction
    if (action.type === 'xstate.raise' || action.type === 'xstate.sendTo') {
      if (isDelayed(action)) macro.nextNumber++
    } else if (action.type === 'xstate.spawnChild') {
      const birth = births.get((action.params as { actorRef?: unknown }).actorRef)
      if (birth === undefined || birth.stopped) continue
      birth.number = macro.nextNumber++
      const { id, src, systemId } = birth.actor
      const { address } = surroundings.self
      birth.ref =
        blueprint.child(String(src))?.as === 'actor'
          ? new Ref(childAddressOf(address, id, birth.number), id, systemId)
          : new Ref(address, id, systemId, earlyEffectId(birth.number, id))
    }
  }
}

/** Who was born in this step and is meant by a reference that the step has given out. */
export function birthOf(macro: Macrostep, ref: Ref): Birth | undefined {
  for (const birth of macro.births.values())
    if (birth.ref?.address === ref.address && birth.ref.effectId === ref.effectId) return birth
  return undefined
}

/** Whoever has this system id now, with what this very step has spawned and stopped. */
export function lookUp(macro: Macrostep, systemId: string): Ref | undefined {
  for (const birth of macro.births.values()) {
    if (birth.actor.systemId !== systemId || !birth.announced || birth.stopped) continue
    if (birth.ref === undefined) numberBirths(macro)
    return birth.ref
  }
  const ref = macro.surroundings.lookup(systemId)
  return ref !== undefined && macro.stopped.some((stopped) => isWithin(macro, ref, stopped)) ? undefined : ref
}

/** Everybody who has a system id now. */
export function everybody(macro: Macrostep): Record<string, Ref> {
  const all: Record<string, Ref> = {}
  const names = [...macro.births.values()].map(({ actor }) => actor.systemId)
  for (const name of [...Object.keys(macro.surroundings.registered()), ...names]) {
    const ref = name === undefined ? undefined : lookUp(macro, name)
    if (ref !== undefined) all[name as string] = ref
  }
  return all
}

/** Whether an actor dies with another: it is the same, or a descendant by its address. */
function isWithin({ surroundings: { self, spawned } }: Macrostep, ref: Ref, stopped: Ref): boolean {
  if (stopped.effectId !== undefined)
    return stopped.address === self.address && isSameEffect(spawned, ref.effectId, stopped.effectId)
  return ref.address === stopped.address || ref.address.startsWith(`${stopped.address}~`)
}
