/**
 * Which partitions wait for a node that could serve them, and why: told once, when it becomes so
 * and when it ends. It serves the clause of the claim. Invariant: none waits without a reason.
 */
import type { Requirements } from '#runtime/core/requirements.ts'
import { trace } from '#runtime/trace.ts'

export type Waiting = {
  tell(requirements: Requirements, halted: ReadonlyMap<number, string>): void
}

export function waitingOf(partitions: number): Waiting {
  let told = new Map<number, string>()
  return {
    tell(requirements, halted) {
      const now = new Map<number, string>()
      for (let partition = 0; partition < partitions; partition++) {
        const kind = halted.get(partition)
        const reason =
          requirements.reason(partition) ??
          (kind === undefined
            ? undefined
            : `something of ${kind} came, which is not here; a node that carries it takes over`)
        if (reason !== undefined) now.set(partition, reason)
      }
      const fresh = new Map<string, number[]>()
      for (const [partition, reason] of now)
        if (told.get(partition) !== reason) fresh.set(reason, [...(fresh.get(reason) ?? []), partition])
      const served = [...told.keys()].filter((partition) => !now.has(partition))
      told = now
      for (const [reason, waiting] of fresh) trace({ is: 'partitions.wait', partitions: waiting, reason })
      if (served.length > 0) trace({ is: 'partitions.wait', partitions: served, reason: undefined })
    },
  }
}
