/**
 * The store is the fold of the log on this node: LMDB follows the log and never decides
 * anything alone. It serves the clause "commit, fold". Invariant: `read` gives the state after
 * exactly the commits up to `partition(p).n`, because a fold is one transaction.
 *
 * Two implementations pass one contract suite: LMDB (`./lmdb-store.ts`) and memory.
 */
import type { Address } from '#protocol/address.ts'
import type { Bundle } from '#protocol/bundle.ts'
import type { Census } from '#protocol/cut.ts'
import type { ClientMark, ClientMoves, FoldedPartition } from '#protocol/folded.ts'
import type { StepNote } from '#protocol/record.ts'
import type { SegmentOf } from './sealed-base.ts'

export type { FoldedPartition } from '#protocol/folded.ts'

/** Why an actor must not be forgotten while it is idle. */
export type Needs = {
  /** The earliest timer. */
  readonly due?: number | undefined
  readonly effects?: boolean | undefined
  readonly subscribed?: boolean | undefined
}

export type FoldedChange =
  | { readonly address: Address; readonly is: 'full'; readonly state: Uint8Array; readonly needs: Needs }
  /** Applied in order to what is stored. */
  | {
      readonly address: Address
      readonly is: 'deltas'
      /** The full state that the first delta differs from, when that is not in the store yet. */
      readonly base?: Uint8Array
      readonly deltas: readonly Uint8Array[]
      readonly needs: Needs
    }
  | { readonly address: Address; readonly is: 'gone' }

/** One line of an actor's past: the commit that stepped it and where the record stands. */
export type HistoryLine = {
  readonly address: Address
  readonly n: number
  readonly seq: number
  readonly at: number
  readonly steps: readonly Omit<StepNote, 'change'>[]
}

export type Fold = {
  readonly partition: FoldedPartition
  /** The clients whose marks moved since the fold before; the others stay as they are. */
  readonly clients?: ClientMoves
  readonly changes: readonly FoldedChange[]
  readonly history: readonly HistoryLine[]
  /** The last record of it is the recorded state of this cut: what changes later is counted from there. */
  readonly cut?: string
}

/** A partition as it is at one instant, whatever is folded meanwhile; between two portions others run. Close it soon. */
export type Slice = {
  readonly position: FoldedPartition
  readonly clients: readonly ClientMark[]
  /** The cuts since which it knows what changed, the newest last. */
  readonly cuts: readonly string[]
  /** Everything, or what changed since one of those cuts; in the order of addresses, as rows of states. */
  bundles(since?: string): AsyncIterable<Bundle>
  /** Of everything; without another walk where `bundles` gave all of it. */
  census(): Promise<Census>
  /** Only of those that need something. */
  needs(): AsyncIterable<readonly (readonly [Address, Needs])[]>
  read(address: Address): unknown[] | undefined
  close(): void
}

export type StoreIdentity = {
  readonly realm: string
  readonly generation: number
  readonly partitions: number
  /** The stream's own instant of making: a store of another stream is not this one's. */
  readonly log: string
}

export interface Store extends AsyncDisposable {
  readonly identity: StoreIdentity
  partition(partition: number): FoldedPartition | undefined
  /** How far its clients' sessions were taken; all of them, so only for one who takes the partition up. */
  clients(partition: number): Iterable<ClientMark>
  /** The state's array form (see protocol/state.ts), base and deltas put together; synchronous. */
  read(address: Address): unknown[] | undefined
  /**
   * One transaction for all of them; resolved when it would survive a crash of the process. One
   * that fails changes nothing, and those given after it for the same partitions fail with it.
   * `held`: entries of the log that are kept with it for a while (see protocol/held.ts).
   */
  fold(folds: readonly Fold[], held?: Uint8Array): Promise<void>
  /** What was held, for the case that the log forgets it. */
  readonly recents: {
    /** Newest first. */
    chunks(): Iterable<Uint8Array>
    /** Forgets chunks made before that instant, and the oldest beyond so many bytes. */
    trim(before: number, bytesMost: number): Promise<void>
  }
  /** Addresses in order, of one partition or kind or all; from a consistent view, so walk it to its end at once. */
  addresses(options: { partition?: number; kind?: string; after?: Address; limit?: number }): Iterable<Address>
  count(): number
  /** Only of those that need something. */
  needs(partition: number): Iterable<readonly [Address, Needs]>
  /** Newest first; `before` is a number of a commit, not itself included. */
  history(address: Address, options: { before?: number; limit: number }): Iterable<HistoryLine>
  /** Forgets history at or before this log sequence. */
  trimHistory(partition: number, upTo: number): Promise<void>
  /** The partition as it is in this turn. */
  slice(partition: number): Slice
  /** All states of one partition, without history, as bytes that `loadBase` takes: the start of a rebuild elsewhere. */
  base(partition: number): Promise<Uint8Array>
  /** `segmentOf`: what the base names and does not hold. */
  loadBase(bytes: Uint8Array, segmentOf?: SegmentOf): Promise<void>
  /** By partition, how many actors lie under its rows as a restore brought them; also of those that are through, until `endUnderlay`. */
  underlays(): ReadonlyMap<number, number>
  /** Makes so many of them rows at most; false when nothing is left to be done. */
  fill(partition: number, rowsMost: number): Promise<boolean>
  /** Of one that is through: nothing elsewhere is as it was restored any more, either. */
  endUnderlay(partition: number): Promise<void>
  /** When the owner last said that it was running: what a restart counts as its absence begins there. */
  readonly alive: { get(): number | undefined; set(at: number): Promise<void> }
  /** Drops one partition's fold, to be rebuilt. */
  dropPartition(partition: number): Promise<void>
  /** `held`: of the log, for the case that it forgets; `file`: with what is free in it, or pinned by a view. */
  size(): { readonly bytes: number; readonly held: number; readonly limit: number; readonly file: number }
  close(): Promise<void>
}
