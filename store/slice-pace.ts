/**
 * How fast views are read out beside everything else that the process does. It serves "no actor
 * waits because of a cut". Invariants: all views of one store together take no more than their share
 * of the time, and never more than a few milliseconds without a pause.
 */
import { setTimeout } from 'node:timers/promises'

export type SlicePace = {
  /** Resolves when something may be read. */
  turn(): Promise<void>
  /** Something is read, from now; nobody else reads until `end`. */
  begin(): void
  /** It is time to let others on. */
  isSpent(): boolean
  end(): void
}

/** Of the time that others took, reading takes this much. */
const share = 1 / 16
/** Where the process does little else, a portion is short; where a turn of its loop is long, so is a portion. */
const leastMs = 2
const mostMs = 10

export function slicePaceOf(now: () => number = () => performance.now()): SlicePace {
  let budgetMs = leastMs
  /** Of the budget, by all who read since the last pause. */
  let usedMs = 0
  let begunAt = 0
  let pausing: Promise<void> | undefined

  async function pause(): Promise<void> {
    const from = now()
    await setTimeout(budgetMs / share - budgetMs)
    budgetMs = Math.min(mostMs, Math.max(leastMs, (now() - from) * share))
    usedMs = 0
    pausing = undefined
  }

  return {
    async turn() {
      while (usedMs >= budgetMs) await (pausing ??= pause())
    },
    begin: () => void (begunAt = now()),
    isSpent: () => usedMs + now() - begunAt >= budgetMs,
    end: () => void (usedMs += now() - begunAt),
  }
}
