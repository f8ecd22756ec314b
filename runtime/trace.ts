/**
 * What the runtime tells of itself: one union on one diagnostics channel. Printers, metrics and
 * the barriers of tests subscribe; nobody hands a logger around. Nothing in a trace is a secret,
 * and no trace carries an event's payload.
 */
import { channel } from 'node:diagnostics_channel'
import type { Address } from '#protocol/address.ts'
import type { StoredFault } from '#protocol/fault.ts'
import type { NodePhase } from '#protocol/heartbeat.ts'

export type Trace =
  | {
      readonly is: 'node.ready'
      readonly node: string
      readonly realm: string
      readonly partitions: number
      readonly ms: number
    }
  | { readonly is: 'node.stopped'; readonly node: string }
  | { readonly is: 'node.failed'; readonly node: string; readonly fault: StoredFault }
  | { readonly is: 'member'; readonly node: string; readonly phase: NodePhase }
  | { readonly is: 'partition.claimed'; readonly partition: number; readonly epoch: number }
  | { readonly is: 'partition.lost'; readonly partition: number; readonly fault: StoredFault }
  | { readonly is: 'partition.released'; readonly partition: number }
  | { readonly is: 'fold.progress'; readonly read: number; readonly of: number }
  | { readonly is: 'fold.rebuilt'; readonly reason: string }
  | { readonly is: 'duty.failed'; readonly fault: StoredFault }
  | { readonly is: 'follow.failed'; readonly partition: number; readonly fault: StoredFault }
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
  | { readonly is: 'effect.waits'; readonly address: Address; readonly effect: string; readonly name: string }
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
  | { readonly is: 'reader.repaired'; readonly partition: number; readonly reason: string }
  | { readonly is: 'bus.state'; readonly state: string }
  /** The connection was lost, and the server no longer lets us in; it is tried again. */
  | { readonly is: 'bus.barred'; readonly fault: StoredFault }
  | { readonly is: 'log.shorter'; readonly fault: StoredFault }
  /** Nothing was purged that is needed; it is tried again, after a pause that grows. */
  | {
      readonly is: 'trim.failed'
      readonly fault: StoredFault
      /** In a row. */
      readonly failures: number
      readonly retryMs: number
    }
  | { readonly is: 'trimmed'; readonly upTo: number; readonly removed: number }

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
