/**
 * Takes several partitions over so that one which cannot be taken does not keep the others from
 * being served. It serves the clause of the claim. Invariant: what cannot be taken is told in a
 * trace each time, and tried again after a pause that grows.
 */
import { isFault, storedFaultOf } from '#protocol/fault.ts'
import type { Clock } from '#runtime/clock.ts'
import type { Owners } from './owners.ts'
import { trace } from '#runtime/trace.ts'

type World = {
  readonly clock: Clock
  readonly owners: Pick<Owners, 'partitions' | 'takeOver'>
  /** Not to be claimed by this node before that instant. */
  readonly onHeld: (partition: number, until: number) => void
}

/** The longest pause before it is tried again; it doubles from one to the next. */
const pauseMostMs = 60_000

export function takeOverOf({ clock, owners, onHeld }: World, firstPauseMs: number) {
  /** How often in a row it could not be taken. */
  const failures = new Map<number, number>()

  async function takeOne(number: number): Promise<void> {
    try {
      await owners.takeOver([number])
      failures.delete(number)
    } catch (error) {
      if (isOfTheWay(error)) throw error
      const count = (failures.get(number) ?? 0) + 1
      failures.set(number, count)
      const retryMs = Math.min(pauseMostMs, firstPauseMs * 2 ** Math.min(count - 1, 20))
      trace({ is: 'claim.failed', partition: number, fault: storedFaultOf(error), failures: count, retryMs })
      onHeld(number, clock.now() + retryMs)
    }
  }

  return async (numbers: readonly number[]): Promise<void> => {
    try {
      await owners.takeOver(numbers)
      for (const number of numbers) failures.delete(number)
    } catch (error) {
      if (isOfTheWay(error)) throw error
      for (const number of numbers) if (!owners.partitions.has(number)) await takeOne(number)
    }
  }
}

/** The way to the log failed, or this process as a whole, and not the partition. */
function isOfTheWay(error: unknown): boolean {
  if (!isFault(error)) return false
  return error.verdict === 'retry' || error.code.startsWith('bus.') || error.code === 'store.closed'
}
