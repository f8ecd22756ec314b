/**
 * Whose turn it is to step, among the partitions of a node. It serves the clause "receive": however
 * many have a long mailbox, between two turns of the event loop is room for one budget of stepping
 * and not for one of each, so an answer of the server never waits for all of them. Invariant: each
 * that asks comes once, in the order of asking; who asks again is behind all that wait.
 */
import type { Clock } from '#runtime/clock.ts'
import { queueOf } from '#runtime/core/queue.ts'

/** Past it the rest waits for the next turn of the loop; whoever has begun ends its own slice. */
export const budgetMs = 24

export type SteppingTurns = { ask(step: () => void): void }

export function steppingTurnsOf(clock: Pick<Clock, 'now'>): SteppingTurns {
  const waiting = queueOf<() => void>()
  let isScheduled = false

  function schedule(): void {
    if (isScheduled) return
    isScheduled = true
    setImmediate(run)
  }

  function run(): void {
    isScheduled = false
    const until = clock.now() + budgetMs
    // Who asks while this runs has its turn in the next one.
    for (let left = waiting.length; left > 0; left--) {
      waiting.shift()?.()
      if (clock.now() >= until) break
    }
    if (waiting.length > 0) schedule()
  }

  return {
    ask(step) {
      waiting.push(step)
      schedule()
    },
  }
}
