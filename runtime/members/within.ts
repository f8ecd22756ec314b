/** Waiting for something, and no longer than so long; what it becomes after that is for others to see. */
import type { Clock } from '#runtime/clock.ts'

export async function within(clock: Clock, ms: number, work: Promise<unknown>): Promise<void> {
  const late = Promise.withResolvers<void>()
  const alarm = clock.at(clock.now() + ms, late.resolve)
  try {
    await Promise.race([work, late.promise])
  } finally {
    alarm.cancel()
  }
}
