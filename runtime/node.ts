/**
 * A node as the program sees it that runs one: what it takes, what it can be asked, how it ends.
 */
import type { ActorKind } from '#protocol/actor.ts'
import type { NodePhase } from '#protocol/heartbeat.ts'
import type { Archive } from '#store/archive.ts'
import type { Store } from '#store/store.ts'
import type { Bus } from './bus.ts'
import type { Clock } from './clock.ts'
import type { CutOptions, Cuts } from './cuts/cuts.ts'
import type { Journal } from './forks/firewall.ts'
import type { Invariant } from './cuts/reading/invariant.ts'
import type { Blueprint } from './core/blueprint.ts'
import type { KeepBasesOptions } from './trimming/keep-bases.ts'
import type { Partition, PartitionOptions } from './partition/partition.ts'
import type { ShareOptions } from './members/share.ts'
import type { TrimOptions } from './trimming/trim.ts'

export type NodeOptions = PartitionOptions &
  TrimOptions &
  ShareOptions &
  CutOptions &
  KeepBasesOptions & {
    /** A partition that is given up may take so long to commit what it stepped. */
    readonly handOverMs: number
    readonly name: string
    readonly inFlightMost: number
    readonly retryMs: number
    readonly foldMs: number
    readonly foldCommitsMost: number
    /** Of what is held for a log that may forget it. */
    readonly mendBytes: number
    readonly effectLimit: number
    readonly idleMs: number
    readonly residentsMost: number
    readonly aliveMs: number
    /** How often the log is asked whether partitions at rest were claimed by others. */
    readonly claimLookMs: number
    /** Of answers that wait to be fetched in parts. */
    readonly answerBytesMost: number
    readonly graceMs: number
    /** Serve a kind whose definition changed in a breaking way under an unchanged version. */
    readonly acceptChanged: boolean
    /** Of a version that is new to the realm: how much of it this version gets at first. */
    readonly rolloutShare: number | 'auto'
  }

export type NodeWorld = {
  readonly bus: Bus
  readonly store: Store
  /** Where cuts are kept; a node without one takes no part in them. */
  readonly archive?: Archive | undefined
  readonly clock: Clock
  readonly actors: readonly ActorKind[]
  /** Of a fork: what its effects are answered from. */
  readonly journal?: Journal | undefined
  /** What must hold in every cut. */
  readonly invariants?: readonly Invariant[] | undefined
}

export interface Node extends AsyncDisposable {
  readonly name: string
  readonly bus: Bus
  readonly store: Store
  readonly partitions: readonly Partition[]
  readonly kinds: ReadonlyMap<string, Blueprint>
  readonly cuts: Cuts | undefined
  /** Adds a kind while the node runs. */
  register(actor: ActorKind): Promise<void>
  /** Everything that was stepped is committed and folded; nothing waits. */
  settle(): Promise<void>
  health(): NodeHealth
  /** Resolves when the node has ended, with what ended it, or failed while it stopped. */
  readonly ended: Promise<Error | undefined>
  /**
   * Stops reading, commits what was begun, lets effects end within the grace period. What fails
   * meanwhile ends it as a crash would, with nothing lost: see `ended`.
   */
  stop(): Promise<void>
  /** Ends at once, as a crash would; for tests and for the second signal. */
  kill(): void
}

export type NodeHealth = {
  /** It owns partitions, or the others own all of them. */
  readonly ready: boolean
  readonly phase: NodePhase
  /** How many nodes of the realm live, as far as this one knows. */
  readonly nodes: number
  readonly partitions: number
  readonly of: number
  /** By number; what another node claimed is not among them. */
  readonly owned: readonly number[]
  readonly queued: number
  readonly staged: number
  readonly behind: number
  readonly effects: number
  readonly residents: number
  readonly actors: number
  /** Of these, those that a lazy restore brought and that are not unpacked yet: for them the key of the cut is needed. */
  readonly packed: number
  /** Partitions that this node should serve and cannot now, with the reason; each is tried again. */
  readonly waits: readonly { readonly partition: number; readonly reason: string }[]
}
