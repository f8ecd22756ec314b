/**
 * The effects of a node as owners of partitions see them: begun, told, aborted, let go.
 */
import type { Address } from '#protocol/address.ts'
import type { AnyEvent } from '#protocol/envelope.ts'
import type { Heartbeat } from '#protocol/heartbeat.ts'
import type { EffectPlace } from '#protocol/query.ts'
import type { Book, Effect } from '#protocol/state.ts'
import type { Blueprint } from '#runtime/core/blueprint.ts'
import type { Names } from './effect-system.ts'

export type Effects = {
  begin(address: Address, blueprint: Blueprint, effect: Effect, fresh: boolean): void
  /** The number of this attempt is on the log: it may start. */
  attempt(effect: string, attempt: number): void
  abort(effect: string, reason: 'left' | 'cancelled'): void
  /** An event for a running callback; without effect when it is not running. */
  tell(effect: string, event: AnyEvent): void
  /** What is pending of this actor, after a commit of it. */
  settle(address: Address, pending: Book['effects']): void
  /** Forgets those of a partition that was lost, or all; what runs of them here is aborted. */
  drop(partition?: number): void
  /** The partition moves by plan: what runs of it here goes on to its end, for the next owner. */
  handOver(partition: number): void
  /** Who is there, or what they serve, may have changed. */
  consider(): void
  readonly running: number
  /** Whether it waits for a person to say how it ended. */
  isUndecided(effect: string): boolean
  /** Of one that does not run here: which node runs it, or why none does. */
  placeOf(effect: string): EffectPlace | undefined
  /** Waits until nothing runs here, at most until the instant. */
  drain(until: number): Promise<void>
  /** Serves no other node any more. */
  stop(): void
}

/** What the owner's state says of an effect. */
export type Standing = {
  /** Nothing when it is pending no more. */
  readonly effect: Effect | undefined
  readonly path: readonly string[]
  /** Whether that is on the log, or waits for its commit. */
  readonly isCommitted: boolean
}

export type EffectHooks = {
  /** A custom action has run; the owner notes it with its next commit. */
  readonly settled: (address: Address, effect: string) => void
  /** Which attempt comes next, or begins now; the owner notes it with its next commit. */
  readonly attempted: (address: Address, effect: Effect) => void
  /** The names of the family that the actor belongs to. */
  readonly namesOf: (address: Address) => Names
  /** Nothing when the actor's partition is not owned here. */
  readonly standingOf: (address: Address, effect: string) => Standing | undefined
  /** The definition that this node serves. */
  readonly kindOf: (kind: string) => Blueprint | undefined
  readonly members: () => Members
}

export type Members = { readonly self: Heartbeat; readonly others: readonly Heartbeat[] }
