/**
 * A partition as its node sees it: what owning one takes, and what one may ask of its owner.
 */
import type { Address } from '#protocol/address.ts'
import type { Change } from '#protocol/record.ts'
import type { Subscription } from '#protocol/state.ts'
import type { ClientMark, FoldedPartition } from '#protocol/folded.ts'
import type { Store } from '#store/store.ts'
import type { Bus } from '#runtime/bus.ts'
import type { Clock } from '#runtime/clock.ts'
import type { Committer } from './committer.ts'
import type { Arrival } from '#runtime/core/arrival.ts'
import type { Names } from '#runtime/effects/effect-system.ts'
import type { Effects, Standing } from '#runtime/effects/effects.ts'
import type { Folder } from './folder.ts'
import type { HoldOptions } from '#runtime/mending/holding.ts'
import type { Kinds, Resident } from './residents.ts'
import type { SteppingTurns } from './stepping-turns.ts'
import type { StepDown } from '#runtime/rollouts/step-down.ts'

export type PartitionOptions = HoldOptions & {
  /** Entries of one batch, its record included. */
  readonly entriesMost: number
  /** Up to so many single sends go one by one instead of as a batch. */
  readonly cheapMost: number
  /** Arrivals that may wait in memory before reading pauses. */
  readonly queueMost: number
  /** Steps that may wait for their commit. */
  readonly stagedMost: number
  readonly stateBytesMost: number
  readonly clientKeepMs: number
  readonly clientsMost: number
  /** How far ahead a question's deadline may lie, and how long after it an answer is still given. */
  readonly askMostMs: number
  readonly askLateMs: number
  /** Questions that one actor may have open at once. */
  readonly asksMost: number
  /** Where a kind says nothing of its own. */
  readonly deferLimit: number
  readonly retainMs: number
}

export type PartitionWorld = {
  readonly bus: Bus
  readonly store: Store
  readonly folder: Folder
  readonly committer: Committer
  readonly effects: Effects
  readonly clock: Clock
  readonly turns: SteppingTurns
  readonly kinds: Kinds
  /** The log's end as far as this node has seen it. */
  readonly lastSeq: () => number
  /** An actor's state was committed; `settled` when nothing newer of it waits. */
  readonly onMoved: (address: Address, change: Change, settled: boolean) => void
  readonly onSubscribed: (address: Address, subscriptions: readonly Subscription[]) => void
  /** Kinds that other nodes carry and this one does not. */
  readonly lacking: () => ReadonlySet<string>
  /** Something of such a kind came: whether another node goes on with the partition from there. */
  readonly onLacking: (partition: number, kind: string) => boolean
  readonly onLost: (partition: number, error: unknown) => void
}

export type Ownership = {
  readonly epoch: number
  readonly nonce: string
  readonly fence: number
  readonly folded: FoldedPartition
  readonly clients: readonly ClientMark[]
  /** Its timers stand still, and the time since then is not counted in `awayMs` yet. */
  readonly stoodSince?: number | undefined
}

export type Partition = {
  readonly partition: number
  readonly position: FoldedPartition
  readonly residents: number
  /** How much waits: read but not stepped, stepped but not committed. */
  readonly depth: { readonly queued: number; readonly staged: number }
  open(): Promise<void>
  /** Stored actors of a kind that is served from now on: their timers, effects, subscriptions. */
  takeUp(kind: string): Promise<void>
  arrive(arrival: Arrival): void
  /** The resident for looking at, if it is in memory. */
  peek(address: Address): Resident | undefined
  /** The names of the family that an actor of this partition belongs to. */
  namesOf(address: Address): Names
  /** Whether an effect of one of its actors is still pending. */
  standingOf(address: Address, effect: string): Standing
  depthOf(address: Address): number
  /** The same for all that have any, in one pass. */
  depths(): ReadonlyMap<Address, number>
  /** What was committed until now is in the store. */
  settle(): Promise<void>
  folded(position: FoldedPartition): void
  /** A marker stands in its mailbox, perhaps far ahead of what was read: the cut is recorded now. */
  foresee(cut: string, marker: number): void
  /** It cannot go on: what is in memory is dropped, and a fold that cannot be read with it. */
  fail(error: unknown): void
  /** The log has a higher epoch: it lets go as if a commit had been refused. */
  fenced(epoch: number): void
  evict(before: number, most: number): number
  readonly stepDown: StepDown
  /** Stops reading, commits what was stepped, resolves when all of it is on the log. */
  drain(): Promise<void>
  close(): Promise<void>
}
