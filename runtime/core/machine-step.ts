/**
 * What the XState part of a step gives back, as data. It serves the clause "the machine makes a
 * transition": the next snapshot, and each action as a description that `step.ts` turns into
 * envelopes, timers, effects and children. Nothing here has been executed.
 */
import type { AnyMachineSnapshot, Snapshot } from 'xstate'
import type { Address } from '#protocol/address.ts'
import type { Ref } from '#protocol/codec.ts'
import type { AnyEvent } from '#protocol/envelope.ts'
import type { Decision } from '#protocol/record.ts'
import type { Book } from '#protocol/state.ts'

/** XState's own in-memory snapshot: of a machine, or of transition logic. */
export type LiveSnapshot = AnyMachineSnapshot | (Snapshot<unknown> & { readonly context?: unknown })

export type MachineAction =
  /** `id` names a delayed send, so that `cancel` finds it; `delayName` is what `delays` policies refer to. */
  | {
      readonly do: 'send'
      readonly to: Ref
      readonly event: AnyEvent
      readonly delay?: number
      readonly id?: string
      readonly delayName?: string
    }
  | {
      readonly do: 'raise'
      readonly event: AnyEvent
      readonly delay: number
      readonly id: string
      readonly delayName?: string
    }
  | { readonly do: 'cancel'; readonly id: string }
  /** `as`: machines and transition logic become actors of their own, all other logic an effect. */
  | {
      readonly do: 'spawn'
      readonly as: 'actor' | 'effect'
      readonly id: string
      readonly src: string
      readonly input: unknown
      readonly systemId: string | undefined
      readonly sync: boolean
      readonly spawn: number
    }
  | { readonly do: 'stop'; readonly id: string }
  | { readonly do: 'emit'; readonly event: AnyEvent }
  | { readonly do: 'log'; readonly label: string | undefined; readonly value: unknown }
  /** A named custom action: an effect that nobody waits for. */
  | {
      readonly do: 'act'
      readonly name: string
      readonly params: unknown
      readonly event: AnyEvent
      readonly context: unknown
    }
  | { readonly do: 'reply'; readonly value: unknown }
  | { readonly do: 'watch' | 'unwatch'; readonly address: Address }
  | { readonly do: 'subscribe'; readonly pattern: string; readonly from: 'now' | 'start' | number }
  | { readonly do: 'unsubscribe'; readonly pattern: string }

export type MachineStep = {
  readonly snapshot: LiveSnapshot
  /** False when no transition took the event (XState returned the same snapshot and no action). */
  readonly handled: boolean
  readonly actions: readonly MachineAction[]
  readonly decision: Decision | undefined
  /** What `nextSpawn` is after this step: above the number of every spawn in it. */
  readonly nextSpawn: number
}

/** What a machine may look at while it steps: itself, its parent and its family's names. */
export type Surroundings = {
  readonly self: Ref
  readonly parent: Ref | undefined
  /** The family's systemId registry. */
  readonly lookup: (systemId: string) => Ref | undefined
  readonly registered: () => Readonly<Record<string, Ref>>
  /** The number the next spawned child gets; each spawn of one step counts on from it. */
  readonly nextSpawn: number
  /** Refs of the children that live now, by id. */
  readonly children: Readonly<Record<string, Ref>>
  /** The same as its book has them. */
  readonly spawned?: Book['children']
  readonly decisions: boolean
  /** The snapshot of another actor, for a machine that looks at one (`ref.getSnapshot()`). */
  readonly snapshotOf?: ((ref: Ref) => unknown) | undefined
}
