/**
 * What a step is told of its surroundings: the instant, its own name, and the limits of its
 * partition. It serves the clause "the machine makes a transition". Invariant: no two steps of an
 * ownership have the same name.
 */
import type { Clock } from '#runtime/clock.ts'
import type { Circumstances } from '#runtime/core/arrival.ts'
import type { Ownership, PartitionOptions } from './partition.ts'
import type { Residents } from './residents.ts'

type World = {
  readonly clock: Clock
  readonly residents: Pick<Residents, 'visitFloor'>
  readonly lastSeq: () => number
}

type Owner = Pick<Circumstances, 'generation' | 'openedAt' | 'outputsMost'> & {
  /** Grows while timers stand still. */
  readonly awayMs: (now: number) => number
  /** With what the names of its steps begin. */
  readonly ownIds: string
}

/** For how long it had no owner, by that instant: while timers stand still, nobody is there for them. */
export function awayOf({ folded, stoodSince }: Pick<Ownership, 'folded' | 'stoodSince'>): (now: number) => number {
  return (now) => folded.awayMs + (stoodSince === undefined ? 0 : Math.max(0, now - stoodSince))
}

export function circumstancesOf(
  { clock, residents, lastSeq }: World,
  { ownIds, awayMs, ...owner }: Owner,
  { deferLimit, asksMost, askLateMs, retainMs }: PartitionOptions,
): () => Circumstances {
  let steps = 0
  return () => {
    const now = clock.now()
    return {
      ...owner,
      now,
      awayMs: awayMs(now),
      stepId: `${ownIds}${++steps}`,
      lastSeq: lastSeq(),
      visitFloor: residents.visitFloor,
      deferLimit,
      asksMost,
      askLateMs,
      retainMs,
    }
  }
}
