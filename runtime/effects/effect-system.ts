/**
 * What a function that runs for an actor sees of that actor's family: its names, and references
 * that send. It serves the clause "effects run after the commit and answer as envelopes".
 * Invariant: what it sends is numbered within its run, so a second run sends nothing twice.
 */
import { Ref } from '#protocol/codec.ts'
import type { AnyEvent, Envelope } from '#protocol/envelope.ts'
import type { Family } from '#runtime/core/live.ts'

export type Names = Pick<Family, 'lookup' | 'registered'>

/** Of an actor whose partition is not owned here any more. */
export const noNames: Names = { lookup: () => undefined, registered: () => ({}) }

export type EffectSystem = {
  get(systemId: string): Ref | undefined
  getAll(): Record<string, Ref>
}

/** Stores one event of a run, for any actor; `id` is its number in that run. */
export type Voice = (to: Ref, event: AnyEvent) => void

export function voiceOf(store: (to: Ref, content: Envelope['content'], id: string) => void): Voice {
  let nth = 0
  return (to, event) => {
    const { effectId } = to
    store(to, effectId === undefined ? { is: 'event', event } : { is: 'tell', effect: effectId, event }, String(++nth))
  }
}

/** Outside of a machine's step a plain reference refuses to send; these speak for the effect. */
export function speaking(to: Ref, voice: Voice): Ref {
  const { address, id, systemId, effectId } = to
  return Object.assign(new Ref(address, id, systemId, effectId), { send: (event: AnyEvent) => voice(to, event) })
}

/** Names as they stand when they are asked for, not as they stood when the effect began. */
export function systemFor(names: Names, voice: Voice): EffectSystem {
  return {
    get(systemId) {
      const ref = names.lookup(systemId)
      return ref === undefined ? undefined : speaking(ref, voice)
    },
    getAll: () =>
      Object.fromEntries(Object.entries(names.registered()).map(([name, ref]) => [name, speaking(ref, voice)])),
  }
}
