/**
 * What lies between the effects of a fork and the world. It serves "an effect firewall: effects are
 * answered from the journal of what they returned before, or blocked, or allowed by list".
 * Invariant: what is not on the fork's list never runs, whoever owns its actor and wherever it would
 * run; an answer is what the parent's own run told, and nothing is ever made up.
 */
import { type Address, kindOf } from '#protocol/address.ts'
import type { Content } from '#protocol/envelope.ts'
import { isFault } from '#protocol/fault.ts'
import { type Fork, mayRun } from '#protocol/fork.ts'
import type { Effect } from '#protocol/state.ts'

/** One thing that a run told: its end, an event of its stream, an event for one of its actor's family. */
export type Told = {
  readonly content: Content
  /** For an event that is not for its own actor, or that has an id. */
  readonly to?: Address | undefined
  readonly id?: string | undefined
}

export type Recorded = {
  /** In the order in which it was told. */
  readonly told: readonly Told[]
  /** `told`: its end is among that. `settled`: a named action, which tells nobody that it has run. */
  readonly end: 'told' | 'settled' | undefined
  /** Without an end: why. */
  readonly reason: string
}

export type Journal = {
  /** What the parent's run of the same effect told after the cut. */
  of(address: Address, effect: Effect): Promise<Recorded>
}

export type Firewall = {
  readonly fork: Fork
  passes(address: Address, effect: Pick<Effect, 'name'>): boolean
  answer(address: Address, effect: Effect): Promise<Recorded>
}

type Opened = { readonly bus: { readonly fork?: Fork | undefined }; readonly journal?: Journal | undefined }

/** Whoever opens a fork gets its firewall: nobody has to think of it. Nothing in any other realm. */
export function firewallFor({ bus, journal }: Opened): Firewall | undefined {
  return bus.fork && firewallOf(bus.fork, journal)
}

export function nothing(reason: string): Recorded {
  return { told: [], end: undefined, reason: `this is a fork, and ${reason}` }
}

/** `journal`: nothing where the parent's log cannot be reached. */
function firewallOf(fork: Fork, journal: Journal | undefined): Firewall {
  const { of, effects } = fork
  return {
    fork,
    passes: (address, { name }) => mayRun(fork, { kind: kindOf(address), name }),
    async answer(address, effect) {
      if (effects.is === 'block') return nothing('effects of it are blocked')
      if (journal === undefined) return nothing(`the log of ${of}, where its answer would be, is not here`)
      try {
        return await journal.of(address, effect)
      } catch (error) {
        if (!isFault(error)) throw error
        return nothing(`what ${of} recorded of it cannot be read: ${error.message}`)
      }
    },
  }
}
