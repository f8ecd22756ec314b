/**
 * The effects of a node as owners of partitions see them: begun, told, aborted, let go.
 */
import type { Address } from '#protocol/address.ts'
import type { AnyEvent } from '#protocol/envelope.ts'
import type { Effect } from '#protocol/state.ts'
import type { Blueprint } from './core/blueprint.ts'
import type { Names } from './effect-system.ts'

export type Effects = {
  begin(address: Address, blueprint: Blueprint, effect: Effect, fresh: boolean): void
  /** The number of this attempt is on the log: it may start. */
  attempt(effect: string, attempt: number): void
  abort(effect: string, reason: 'left' | 'cancelled'): void
  /** An event for a running callback; without effect when it is not running here. */
  tell(effect: string, event: AnyEvent): void
  /** Forgets those of a partition that was let go, or all. */
  drop(partition?: number): void
  readonly running: number
  /** Whether it waits for a person to say how it ended. */
  isUndecided(effect: string): boolean
  /** Waits until nothing runs, at most until the instant; then aborts the rest. */
  drain(until: number): Promise<void>
}

export type EffectHooks = {
  /** A custom action has run; the owner notes it with its next commit. */
  readonly settled: (address: Address, effect: string) => void
  /** Which attempt comes next, or begins now; the owner notes it with its next commit. */
  readonly attempted: (address: Address, effect: Effect) => void
  /** The names of the family that the actor belongs to. */
  readonly namesOf: (address: Address) => Names
}
