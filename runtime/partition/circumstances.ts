/**
 * What a step is told of its surroundings: the instant, its own name, and the limits of its
 * partition. It serves the clause "the machine makes a transition". Invariant: no two steps of an
 * ownership have the same name.
 */
import type { Clock } from '#runtime/clock.ts'
import type { Circumstances } from '#runtime/core/arrival.ts'
import type { PartitionOptions } from './partition.ts'
import type { Residents } from './residents.ts'

type World = {
  readonly clock: Clock
  readonly residents: Pick<Residents, 'visitFloor'>
  readonly lastSeq: () => number
}

type Owner = Pick<Circumstances, 'generation' | 'awayMs' | 'openedAt' | 'outputsMost'> & {
  /** With what the names of its steps begin. */
  readonly ownIds: string
}

export function circumstancesOf(
  { clock, residents, lastSeq }: World,
  { ownIds, ...owner }: Owner,
  { deferLimit, asksMost, askLateMs, retainMs }: PartitionOptions,
): () => Circumstances {
  let steps = 0
  return () => ({
    ...owner,
    now: clock.now(),
    stepId: `${ownIds}${++steps}`,
    lastSeq: lastSeq(),
    visitFloor: residents.visitFloor,
    deferLimit,
    asksMost,
    askLateMs,
    retainMs,
  })
}
