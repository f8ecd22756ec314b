/**
 * What this node could not take, or could not keep, and when it may try again. It serves the clause
 * of the claim. Invariant: what cannot be served is told in a trace each time, shown for as long as
 * it is so, and tried again after a pause that grows, also when it can be taken and fails thereafter.
 */
import { type StoredFault, storedFaultOf } from '#protocol/fault.ts'
import type { Setback } from '#protocol/heartbeat.ts'
import type { Clock } from '#runtime/clock.ts'
import { trace } from '#runtime/trace.ts'

export type Setbacks = {
  mayClaim(partition: number): boolean
  /** Not to be claimed by this node before that instant. */
  hold(partition: number, until: number): void
  failed(partition: number, error: unknown, firstMs?: number): void
  succeeded(partition: number): void
  /** Of each that could not be served, why; for a while also when it is served again. */
  all(): readonly Setback[]
  stop(): void
}

type World = {
  readonly clock: Clock
  /** What was held may be claimed again. */
  readonly onDue: () => void
}

/** The longest pause before it is tried again; it doubles from one to the next. */
const pauseMostMs = 60_000

/** What is over is told for so long, so that somebody who looks the next day finds it. */
const toldMs = 86_400_000

type Failure = {
  readonly count: number
  readonly fault: StoredFault
  /** Since when it is served all the same. */
  servedAt?: number
}

export function setbacksOf({ clock, onDue }: World, firstPauseMs: number): Setbacks {
  const held = new Map<number, number>()
  const failures = new Map<number, Failure>()
  const alarms = new Set<{ cancel(): void }>()

  function hold(partition: number, until: number): void {
    held.set(partition, until)
    if (!Number.isFinite(until)) return
    const alarm = clock.at(until, () => {
      alarms.delete(alarm)
      onDue()
    })
    alarms.add(alarm)
  }

  return {
    mayClaim: (partition) => (held.get(partition) ?? 0) <= clock.now(),
    hold,
    failed(partition, error, firstMs = firstPauseMs) {
      const before = failures.get(partition)
      const isOver = before?.servedAt !== undefined && clock.now() - before.servedAt >= pauseMostMs
      const count = (isOver ? 0 : (before?.count ?? 0)) + 1
      const fault = storedFaultOf(error)
      failures.set(partition, { count, fault })
      const retryMs = Math.min(pauseMostMs, firstMs * 2 ** Math.min(count - 1, 20))
      trace({ is: 'claim.failed', partition, fault, failures: count, retryMs })
      if (before?.servedAt !== undefined || before?.fault.message !== fault.message)
        trace({ is: 'partitions.wait', partitions: [partition], reason: textOf(fault) })
      hold(partition, clock.now() + retryMs)
    },
    succeeded(partition) {
      const failure = failures.get(partition)
      if (failure === undefined || failure.servedAt !== undefined) return
      failure.servedAt = clock.now()
      trace({ is: 'partitions.wait', partitions: [partition], reason: undefined })
    },
    all() {
      const now = clock.now()
      for (const [partition, { servedAt = now }] of failures) if (now - servedAt > toldMs) failures.delete(partition)
      return [...failures].map(([partition, { fault, servedAt = 0 }]) => [partition, textOf(fault), servedAt])
    },
    stop() {
      for (const alarm of alarms) alarm.cancel()
    },
  }
}

function textOf({ code, message }: StoredFault): string {
  return `${message} (${code})`
}
