/**
 * How often an effect is tried: what follows a failure, and what follows the death of the process
 * that ran it. Invariant: where a death could use an attempt up, none starts before its number is
 * on the log; so a limit holds over any number of restarts, also when the effect is what ends the
 * process, and what only waited for its place has not begun. Pure.
 */
import type { EffectPolicy } from '#protocol/actor.ts'
import { plainErrorOf } from '#protocol/fault.ts'
import type { Effect } from '#protocol/state.ts'

export type Resumption =
  /** An attempt that may follow: its number is not on the log yet. */
  | { readonly is: 'go'; readonly effect: Effect }
  /** Nobody can say how it ended, and it is not tried again. */
  | { readonly is: 'unknown' }
  | { readonly is: 'ask' }
  | { readonly is: 'find'; readonly find: Extract<EffectPolicy['unknown'], (...given: never[]) => unknown> }

/**
 * What the record that asks for an effect says of its first attempt. Where every death is answered
 * by another attempt, it counts as begun at once, which saves a commit; else it has not begun yet.
 */
export function firstBegun({ attempts, unknown = 'again' }: EffectPolicy): { readonly begun?: 0 } {
  return attempts === undefined && unknown === 'again' ? {} : { begun: 0 }
}

/** The attempt after one that failed; nothing when there are no more of them, or no more time. */
export function afterFailure(
  effect: Effect,
  { attempts = 1, backoffMs = 1000, backoffMaxMs = 60_000 }: EffectPolicy,
  { error, now }: { readonly error: unknown; readonly now: number },
): Effect | undefined {
  const { attempt, deadline } = effect
  const notBefore = now + Math.min(backoffMs * 2 ** (attempt - 1), backoffMaxMs)
  if (attempt >= attempts || (deadline !== undefined && notBefore >= deadline)) return undefined
  return { ...effect, attempt: attempt + 1, begun: attempt, notBefore, lastError: plainErrorOf(error) }
}

/** The process that may have run it ended. A limit that nobody set is one of failures only. */
export function afterDeath(effect: Effect, { attempts, unknown = 'again' }: EffectPolicy): Resumption {
  const { attempt, begun = attempt } = effect
  // It waited for its next attempt, and ran nowhere.
  if (begun < attempt) return { is: 'go', effect }
  if (effect.is === 'action' || unknown === 'again')
    return begun >= (attempts ?? Number.POSITIVE_INFINITY)
      ? { is: 'unknown' }
      : { is: 'go', effect: { ...effect, attempt: begun + 1, begun } }
  if (unknown === 'fail') return { is: 'unknown' }
  return unknown === 'ask' ? { is: 'ask' } : { is: 'find', find: unknown }
}
