/** Waiting until nothing is at work any more, for those who are to end and would end it with them. */
import type { Clock } from '#runtime/clock.ts'

export type Rest = {
  /** Called whenever something has come to its end. */
  check(): void
  /** Resolves when nothing is at work, at the latest at the instant. */
  by(instant: number): Promise<void>
}

export function restOf(clock: Clock, isAtWork: () => boolean): Rest {
  const waiters: (() => void)[] = []
  return {
    check() {
      if (waiters.length > 0 && !isAtWork()) for (const wake of waiters.splice(0)) wake()
    },
    async by(instant) {
      if (!isAtWork()) return
      await new Promise<void>((resolve) => {
        const alarm = clock.at(instant, resolve)
        waiters.push(() => {
          alarm.cancel()
          resolve()
        })
      })
    },
  }
}
