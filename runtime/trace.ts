/**
 * What the runtime tells of itself: one union on one diagnostics channel. Printers, metrics and
 * the barriers of tests subscribe; nobody hands a logger around. Nothing in a trace is a secret,
 * and no trace carries an event's payload.
 */
import { channel } from 'node:diagnostics_channel'
import type { Address } from '#protocol/address.ts'
import type { DrainRequest } from '#protocol/drain.ts'
import type { StoredFault } from '#protocol/fault.ts'
import type { NodePhase } from '#protocol/heartbeat.ts'
import type { ForkTrace } from './forks/fork-trace.ts'
import type { MendReport } from './core/mend-row.ts'

export type Trace =
  | ForkTrace
  | {
      readonly is: 'node.ready'
      readonly node: string
      readonly realm: string
      readonly partitions: number
      readonly ms: number
    }
  | { readonly is: 'node.stopped'; readonly node: string }
  | { readonly is: 'node.failed'; readonly node: string; readonly fault: StoredFault }
  /** It heard neither the log nor the others for so long, and let go of its partitions. */
  | {
      readonly is: 'node.isolated'
      readonly node: string
      readonly partitions: readonly number[]
      readonly logMs: number
      readonly othersMs: number
    }
  | { readonly is: 'node.heard'; readonly node: string }
  /** Its realm is being restored, or was: it serves this generation no more. */
  | { readonly is: 'node.superseded'; readonly node: string; readonly generation: number }
  /** It cannot start yet, and tries again for so long. */
  | { readonly is: 'node.waits'; readonly node: string; readonly fault: StoredFault; readonly forMs: number }
  | { readonly is: 'member'; readonly node: string; readonly phase: NodePhase }
  /** Somebody asked this node to give its partitions away, or to take its share again. */
  | {
      readonly is: 'node.drain'
      readonly node: string
      readonly asked: DrainRequest
      readonly partitions: number
    }
  /** The time to give partitions away is over; the others claim what is left. */
  | { readonly is: 'node.late'; readonly node: string; readonly left: readonly number[] }
  | { readonly is: 'partition.claimed'; readonly partition: number; readonly epoch: number }
  | { readonly is: 'partition.lost'; readonly partition: number; readonly fault: StoredFault }
  | { readonly is: 'partition.released'; readonly partition: number }
  | { readonly is: 'fold.progress'; readonly read: number; readonly of: number }
  | { readonly is: 'fold.rebuilt'; readonly reason: string }
  /** The store had that partition up to record `from`, 0 where it had nothing, and goes on from record `to`. */
  | { readonly is: 'base.taken'; readonly partition: number; readonly from: number; readonly to: number }
  /** It is tried again after a pause; the others are served. */
  | {
      readonly is: 'claim.failed'
      readonly partition: number
      readonly fault: StoredFault
      /** In a row. */
      readonly failures: number
      readonly retryMs: number
    }
  | { readonly is: 'duty.failed'; readonly fault: StoredFault }
  | {
      readonly is: 'follow.failed'
      readonly partition: number
      readonly fault: StoredFault
      /** In a row. */
      readonly failures: number
      readonly retryMs: number
    }
  | {
      readonly is: 'stepped'
      readonly address: Address
      readonly type: string
      readonly seq: number
      readonly mark: string | undefined
    }
  | {
      readonly is: 'committed'
      readonly partition: number
      readonly n: number
      readonly seq: number
      readonly steps: number
      readonly form: 'record' | 'cheap' | 'batch'
    }
  | { readonly is: 'commit.unknown'; readonly partition: number; readonly n: number; readonly fault: StoredFault }
  | { readonly is: 'parked'; readonly address: Address; readonly fault: StoredFault }
  | { readonly is: 'unhandled'; readonly address: Address; readonly type: string }
  | {
      readonly is: 'effect.begun'
      readonly address: Address
      readonly effect: string
      readonly name: string
      readonly attempt: number
    }
  | {
      readonly is: 'effect.ended'
      readonly address: Address
      readonly effect: string
      readonly name: string
      readonly outcome: 'done' | 'error' | 'aborted' | 'unknown' | 'refused'
    }
  | {
      readonly is: 'effect.retry'
      readonly address: Address
      readonly effect: string
      readonly name: string
      readonly attempt: number
      readonly fault: StoredFault
    }
  /** A node has it that carries its label; `isQueued`: behind others of its kind. */
  | {
      readonly is: 'effect.sent'
      readonly address: Address
      readonly effect: string
      readonly name: string
      readonly attempt: number
      readonly node: string
      readonly isQueued: boolean
    }
  /** The node that it was sent to is gone. */
  | {
      readonly is: 'effect.orphaned'
      readonly address: Address
      readonly effect: string
      readonly name: string
      readonly node: string
    }
  /** For a person to say how it ended, or for a node that can run it. */
  | {
      readonly is: 'effect.waits'
      readonly address: Address
      readonly effect: string
      readonly name: string
      readonly for: 'decision' | 'carrier' | 'fork'
      readonly reason: string
    }
  /** What it has to say cannot reach the log now; it is pending still, and the next owner goes on. */
  | {
      readonly is: 'effect.unheard'
      readonly address: Address
      readonly effect: string
      readonly name: string
      readonly fault: StoredFault
    }
  | { readonly is: 'timer.late'; readonly address: Address; readonly name: string; readonly ms: number }
  | { readonly is: 'actor.log'; readonly address: Address; readonly label: string | undefined; readonly value: unknown }
  | { readonly is: 'actor.unfit'; readonly address: Address; readonly fault: StoredFault }
  | { readonly is: 'kind.changed'; readonly kind: string; readonly differences: readonly string[] }
  /** No node can serve them now, and why; without a reason: they can be served again. */
  | { readonly is: 'partitions.wait'; readonly partitions: readonly number[]; readonly reason: string | undefined }
  /** Actors whose states were taken back to an earlier version, and those that could not be. */
  | {
      readonly is: 'rollout.back'
      readonly kind: string
      readonly partition: number
      readonly to: number
      readonly done: number
      readonly left: number
    }
  | { readonly is: 'reader.repaired'; readonly partition: number; readonly reason: string }
  | { readonly is: 'bus.state'; readonly state: string }
  /** Its machine is gone, cut off or standing still; another of the cluster is dialled. */
  | { readonly is: 'server.silent'; readonly fault: StoredFault }
  /** The connection was lost, and the server no longer lets us in; it is tried again. */
  | { readonly is: 'bus.barred'; readonly fault: StoredFault }
  | { readonly is: 'log.shorter'; readonly fault: StoredFault }
  /** What it lost was appended again: positions from and to, entries, and positions that nobody held. */
  | ({ readonly is: 'log.mended' } & MendReport)
  | { readonly is: 'log.forked'; readonly partition: number; readonly fault: StoredFault }
  /** Nothing was purged that is needed; it is tried again, after a pause that grows. */
  | {
      readonly is: 'trim.failed'
      readonly fault: StoredFault
      /** In a row. */
      readonly failures: number
      readonly retryMs: number
    }
  | { readonly is: 'trimmed'; readonly upTo: number; readonly removed: number }
  /** A round ended because of those: partitions that nobody owns, or a node that did not answer. */
  | {
      readonly is: 'trim.held'
      readonly partitions: readonly number[]
      readonly node: string | undefined
      readonly reason: string | undefined
    }
  /** Parked envelopes that nobody replayed or dropped for too long, or that took too much of the disk. */
  | {
      readonly is: 'parked.expired'
      readonly removed: number
      readonly upTo: number
      readonly because: 'age' | 'bytes'
    }
  | {
      readonly is: 'base.uploaded'
      readonly partition: number
      readonly n: number
      readonly bytes: number
      readonly ms: number
    }
  /** What a restore brought is rows now; nothing depends on its cut any more. */
  | { readonly is: 'base.unpacked'; readonly partition: number; readonly actors: number; readonly ms: number }
  | { readonly is: 'base.failed'; readonly partition: number; readonly fault: StoredFault }
  /** This node takes no part in cuts. */
  | { readonly is: 'cuts.off'; readonly fault: StoredFault }
  | { readonly is: 'cut.begun'; readonly cut: string; readonly by: string }
  /** All partitions have recorded, so long after it began; `bytes`: of what refers to the log and is still to be copied. */
  | { readonly is: 'cut.recorded'; readonly cut: string; readonly bytes: number; readonly ms: number }
  /** One partition's part is durable, here and in the object store. */
  | {
      readonly is: 'cut.sliced'
      readonly cut: string
      readonly partition: number
      readonly actors: number
      readonly bytes: number
      readonly ms: number
    }
  /** `bytes`: what it added to the archive. */
  | {
      readonly is: 'cut.whole'
      readonly cut: string
      readonly actors: number
      readonly inFlight: number
      readonly bytes: number
      readonly ms: number
    }
  /** A partition's part cannot be made: the cut will be abandoned. */
  | { readonly is: 'cut.failed'; readonly cut: string; readonly partition: number; readonly fault: StoredFault }
  | {
      readonly is: 'realm.restored'
      readonly cut: string
      readonly generation: number
      readonly partitions: number
      readonly actors: number
      readonly envelopes: number
    }
  /** `broken`: invariants that do not hold, or of which it is not known. */
  | {
      readonly is: 'cut.checked'
      readonly cut: string
      readonly deadlocks: number
      readonly orphans: number
      readonly broken: readonly string[]
      readonly ms: number
    }
  | { readonly is: 'cut.unchecked'; readonly cut: string; readonly fault: StoredFault }
  | { readonly is: 'cut.abandoned'; readonly cut: string; readonly fault: StoredFault }
  /** What no cut needs any more has gone from the object store, or from this node's archive. */
  | {
      readonly is: 'cuts.swept'
      readonly place: 'store' | 'archive'
      readonly removed: number
      readonly left: number
    }
  /** Its maker does not go on with it, so it was given up for it. */
  | { readonly is: 'cut.lost'; readonly cut: string; readonly reason: string }
  /** Restored into a scratch realm and thrown away; `found`: what was wrong, the first of it. */
  | {
      readonly is: 'cut.drilled'
      readonly cut: string
      readonly passed: boolean
      readonly actors: number
      readonly envelopes: number
      readonly ms: number
      readonly found: readonly string[]
    }
  /** It lies in the second place, too. */
  | { readonly is: 'cut.copied'; readonly cut: string; readonly path: string; readonly bytes: number }
  | { readonly is: 'cut.removed'; readonly cut: string; readonly by: string }
  /** Keeping house of cuts failed, and is tried again. */
  | { readonly is: 'cuts.unkept'; readonly what: string; readonly fault: StoredFault }

const traces = channel('perdure')

export function trace(event: Trace): void {
  if (traces.hasSubscribers) traces.publish(event)
}

/** Whether anybody listens: for traces on the hot path that cost something to make. */
export function isTraced(): boolean {
  return traces.hasSubscribers
}

export function onTrace(on: (event: Trace) => void): { stop(): void } {
  const hear = (event: unknown): void => on(event as Trace)
  traces.subscribe(hear)
  return { stop: () => traces.unsubscribe(hear) }
}
