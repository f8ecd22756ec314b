/**
 * What a program says must hold in every cut: a name, and a function over an opened cut. It serves
 * "declared predicates". Since a cut is consistent, what is in the states and what is in flight make
 * up the whole: a sum over both is the sum of one instant.
 */
import type { Address } from '#protocol/address.ts'
import type { AnyEvent } from '#protocol/envelope.ts'
import { Fault } from '#protocol/fault.ts'
import type { ActorState } from '#protocol/state.ts'

export type ActorInCut = {
  readonly address: Address
  readonly value: unknown
  readonly status: string
  readonly context: unknown
  readonly output: unknown
  /** With its timers, effects and everything else. */
  readonly state: ActorState
}

export type FlyingEnvelope = {
  readonly seq: number
  /** The actor that sent or emitted it; nothing for the outside, effects and operators. */
  readonly from: Address | undefined
  /** Nothing for what was emitted: it is for whoever follows it. */
  readonly to: Address | undefined
  /** Nothing for what is no event: a start, a stop, the result of an effect. */
  readonly event: AnyEvent | undefined
  readonly at: number
}

export type CheckedCut = {
  readonly id: string
  readonly realm: string
  /** When it was begun. */
  readonly at: number
  /** All of them, or those of a kind, one by one. */
  actors(kind?: string): AsyncGenerator<ActorInCut>
  inFlight(): AsyncGenerator<FlyingEnvelope>
}

/** From one cut to the next. */
export type CutMemory = {
  /**
   * What an invariant of this name kept at the newest earlier cut that it could be held against; nothing
   * when there was none in this generation of the realm.
   */
  readonly before: unknown
  /** Any value that can be stored, up to 64 KiB of it; the last one counts. */
  keep(value: unknown): void
}

/** Nothing or true: it holds; false, or what is wrong, in words: it does not. */
export type Said = boolean | string | readonly string[] | undefined | void

export type Invariant = {
  readonly is: 'invariant'
  readonly name: string
  holds(cut: CheckedCut, signal: AbortSignal, memory: CutMemory): Said | Promise<Said>
}

/**
 * ```ts
 * export const conserved = invariant('no money is lost', async (cut) => {
 *   let sum = 0
 *   for await (const { context } of cut.actors('account')) sum += (context as { balance: number }).balance
 *   for await (const { event } of cut.inFlight()) if (event?.type === 'PAY') sum += event.amount as number
 *   return sum === 1000 || `there is ${sum}`
 * })
 * ```
 */
export function invariant(name: string, holds: Invariant['holds']): Invariant {
  if (!/^[^\p{C}]{1,100}$/u.test(name)) throw new Fault('invariant.invalid', { value: name.slice(0, 120) })
  return { is: 'invariant', name, holds }
}

/** By shape and not by identity: the module may have its own copy of the package. */
export function isInvariant(value: unknown): value is Invariant {
  const { is, name, holds } = (value ?? {}) as Partial<Invariant>
  return is === 'invariant' && typeof name === 'string' && typeof holds === 'function'
}
