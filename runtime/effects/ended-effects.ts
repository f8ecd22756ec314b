/**
 * Effects that ended here and whose result is on the log or on its way: until their owner has
 * read it, a new owner still finds them pending, and must not have them run again. Invariant:
 * forgetting one costs a second run, never a second count.
 */
import type { RunState } from '#protocol/errand.ts'

export type Ended = {
  add(id: string, state: RunState): void
  remove(id: string): void
  get(id: string): RunState | undefined
}

/** A hand-over takes less than a second; so many end here within that, hardly more. */
const endedMost = 10_000

export function endedEffects(): Ended {
  const all = new Map<string, RunState>()
  return {
    add(id, state) {
      all.set(id, state)
      if (all.size <= endedMost) return
      for (const oldest of all.keys()) {
        all.delete(oldest)
        return
      }
    },
    remove: (id) => void all.delete(id),
    get: (id) => all.get(id),
  }
}
