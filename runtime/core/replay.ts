/**
 * An actor stepped again through what it was given. It serves "the machine makes a transition" for
 * those who look back: nothing is sent, nothing is run, nothing is stored. Pure. Invariants: a step
 * is the runtime's own, supervision included; the results of effects come from the record, and find
 * the effect that this replay asked for in place of the one that they were the results of.
 */
import type { Address } from '#protocol/address.ts'
import { type StoredFault, storedFaultOf } from '#protocol/fault.ts'
import type { StepNote } from '#protocol/record.ts'
import { type ActorState, decodeState, type Effect, encodeState } from '#protocol/state.ts'
import type { Arrival, Circumstances, Outcome } from './arrival.ts'
import type { Blueprint } from './blueprint.ts'
import { type Family, familyOfBook, type Live, revive, stateOf } from './live.ts'
import type { StepInput, Stepped } from './making.ts'
import { step } from './step.ts'
import { supervise } from './supervise.ts'

export type Replayed = {
  readonly outcome: Outcome | undefined
  /** What the machine threw. */
  readonly fault: StoredFault | undefined
}

export type Replay = {
  readonly state: ActorState | undefined
  /** `mark`: what the record says of that step. */
  take(arrival: Arrival, around: ReplayAround, mark?: StepNote['mark']): Replayed
  /** An effect that the record knows by this id. */
  know(effect: Pick<Effect, 'id' | 'name' | 'child'>): void
}

export type ReplayAround = Pick<Circumstances, 'now' | 'generation' | 'awayMs' | 'openedAt' | 'lastSeq' | 'visitFloor'>

export type ReplayOptions = Pick<Circumstances, 'outputsMost' | 'deferLimit' | 'asksMost' | 'askLateMs' | 'retainMs'>

type Begin = {
  readonly root: Blueprint
  readonly address: Address
  readonly state: ActorState | undefined
  /** The names of its family as they stood then, for a child. */
  readonly registry: ActorState['book']['registry']
}

export function replayOf({ root, address, state, registry }: Begin, options: ReplayOptions): Replay {
  const family: Family = familyOfBook(
    () => ({ ...(registry === undefined ? {} : { registry }) }),
    () => undefined,
  )
  /** By the id in the record: what it was. */
  const known = new Map<string, Pick<Effect, 'name' | 'child'>>()
  // As bytes, so that no step changes what somebody else holds.
  let live = reviveIt(state && encodeState(state))
  let count = 0

  function reviveIt(from: Uint8Array | undefined): Live | undefined {
    return from && revive(root, address, decodeState(from), family)
  }

  function take(arrival: Arrival, around: ReplayAround, mark?: StepNote['mark']): Replayed {
    const kept = live === undefined ? undefined : encodeState(stateOf(live))
    const input: StepInput = {
      ...{ root, address, family, live, arrival: forThis(arrival, mark) },
      around: { ...around, ...options, stepId: `replay-${++count}` },
    }
    try {
      return done(step(input))
    } catch (error) {
      const fault = storedFaultOf(error)
      live = reviveIt(kept)
      try {
        return { ...done(supervise({ ...input, live }, error)), fault }
      } catch {
        live = reviveIt(kept)
        return { outcome: undefined, fault }
      }
    }
  }

  function done(stepped: Stepped): Replayed {
    live = stepped.live
    return { outcome: stepped.outcome, fault: undefined }
  }

  /** A timer is the one that is armed here; a result is that of the effect which stands in for the recorded one. */
  function forThis(arrival: Arrival, mark: StepNote['mark']): Arrival {
    switch (arrival.by) {
      case 'timer': {
        const visit = live?.book.timers?.[arrival.name]?.visit
        return visit === undefined ? arrival : { ...arrival, visit }
      }
      case 'settled':
      case 'attempted':
        return { ...arrival, effect: standIn(arrival.effect) }
      case 'envelope': {
        const { envelope } = arrival
        const { content } = envelope
        // Where it went back it was as it had been seen: instants of birth differ by a hair here.
        if (content.is === 'rewind' && mark === undefined) {
          const seen = live === undefined ? null : ([live.steps, live.bornAt] as const)
          return { by: 'envelope', envelope: { ...envelope, content: { ...content, seen } } }
        }
        if (content.is !== 'effect' && content.is !== 'resolveEffect') return arrival
        return { by: 'envelope', envelope: { ...envelope, content: { ...content, effect: standIn(content.effect) } } }
      }
      default:
        return arrival
    }
  }

  function standIn(id: string): string {
    const pending = live?.book.effects ?? {}
    const wanted = known.get(id)
    if (pending[id] !== undefined || wanted === undefined) return id
    const found = Object.values(pending).find(
      (one) => !known.has(one.id) && one.name === wanted.name && one.child === wanted.child,
    )
    return found?.id ?? id
  }

  return {
    get state() {
      return live === undefined ? undefined : stateOf(live)
    },
    take,
    know: ({ id, name, child }) => void known.set(id, { name, child }),
  }
}
