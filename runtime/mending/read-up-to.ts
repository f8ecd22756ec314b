/**
 * Reads what matches from one sequence to another that is known to match: it serves "how far it has
 * read", over a log whose order is not that of its positions. Invariant: it ends, also when what was
 * to be the last is removed meanwhile.
 */
import { Fault } from '#protocol/fault.ts'
import type { Bus, LogEntry, Reading } from '#runtime/bus.ts'
import type { Clock } from '#runtime/clock.ts'

type Range = { readonly filter: string; readonly from: number; readonly to: number; readonly clock: Clock }

/** Nothing came for so long. */
const silentMs = 5000

export async function readUpTo(
  bus: Bus,
  { filter, from, to, clock }: Range,
  on: (entry: LogEntry) => void,
): Promise<void> {
  const ended = Promise.withResolvers<void>()
  // It may be late before the reading has begun.
  ended.promise.catch(() => undefined)
  let heardAt = clock.now()
  let alarm: { cancel(): void } | undefined
  let reading: Reading | undefined
  const watch = (): void => {
    if (clock.now() - heardAt >= silentMs) return ended.reject(new Fault('bus.timeout', { ms: silentMs }))
    alarm = clock.at(heardAt + silentMs, watch)
  }
  watch()
  try {
    reading = await bus.read({
      filter,
      from,
      onEntry(entry) {
        heardAt = clock.now()
        if (entry.seq <= to) on(entry)
        if (entry.seq >= to) ended.resolve()
      },
    })
    await ended.promise
  } finally {
    alarm?.cancel()
    await reading?.stop()
  }
}
