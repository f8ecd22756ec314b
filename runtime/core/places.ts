/** So many at once of each kind; who comes later waits in line. */
import { type Queue, queueOf } from './queue.ts'

export type Places<T> = {
  /** Calls now when there is room, or later when somebody leaves; not at all for who is gone by then. */
  enter(kind: string, limit: number, one: T): void
  leave(kind: string): void
}

export function placesOf<T>(begin: (one: T) => void, isGone: (one: T) => boolean): Places<T> {
  const taken = new Map<string, number>()
  const lines = new Map<string, Queue<T>>()

  function take(kind: string, one: T): void {
    taken.set(kind, (taken.get(kind) ?? 0) + 1)
    begin(one)
  }

  return {
    enter(kind, limit, one) {
      if ((taken.get(kind) ?? 0) < limit) return take(kind, one)
      const line = lines.get(kind) ?? queueOf<T>()
      line.push(one)
      lines.set(kind, line)
    },
    leave(kind) {
      taken.set(kind, Math.max(0, (taken.get(kind) ?? 0) - 1))
      const line = lines.get(kind)
      for (let next = line?.shift(); next !== undefined; next = line?.shift()) {
        if (!isGone(next)) return take(kind, next)
      }
    },
  }
}
