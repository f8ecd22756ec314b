/**
 * Takes a stored state back to an earlier version of its kind, so that nodes with the old
 * definition can own it again. It serves the clause "its new state". Invariant: what comes out
 * carries no hash of a definition, so whoever loads it proves first that it fits.
 */
import { Fault } from '#protocol/fault.ts'
import type { ActorState } from '#protocol/state.ts'
import type { Blueprint } from './blueprint.ts'

/** Only what the new definition made, and what is still to be stepped, can be taken back. */
export function isAbove(state: Pick<ActorState, 'version' | 'book'>, version: number): boolean {
  return state.version > version && state.book.ended === undefined && state.book.unfit === undefined
}

export function steppedDown({ kind, options }: Blueprint, state: ActorState, to: number): ActorState {
  let at = state
  for (let version = state.version - 1; version >= to; version--) {
    const step = options.migrate?.[version]
    if (step === undefined) continue
    const fail = (reason: string, cause?: unknown): Fault =>
      new Fault('actor.unmigrated', { value: `an actor of kind "${kind}"`, version: to, reason }, { cause })
    if (typeof step === 'function' || step.down === undefined) throw fail(`there is no step down to version ${version}`)
    try {
      at = step.down(at)
    } catch (cause) {
      const said = cause instanceof Error ? cause.message : String(cause)
      throw fail(`the step down to version ${version} threw: ${said}`, cause)
    }
    if (typeof at?.snapshot !== 'object' || typeof at.book !== 'object')
      throw fail(`the step down to version ${version} did not return a state`)
  }
  return { ...at, version: to, hash: '' }
}
