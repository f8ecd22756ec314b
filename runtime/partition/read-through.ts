/** Reads what stands on the log now, from the beginning to its present end, and stops. */
import { Fault } from '#protocol/fault.ts'
import type { Bus, LogEntry } from '#runtime/bus.ts'

/** `on` returns false when it has seen enough. */
export async function readThrough(bus: Bus, filter: string, on: (entry: LogEntry) => boolean, from = 1): Promise<void> {
  // Only a matching entry tells that the end was reached, so the last one is looked up first.
  const last = await bus.lastMatching(filter)
  if (last === undefined || last < from) return
  await new Promise<void>((resolve, reject) => {
    let over = false
    let stop: (() => Promise<void>) | undefined
    const end = (error?: unknown): void => {
      if (over) return
      over = true
      void (stop?.() ?? Promise.resolve()).then(() =>
        error === undefined ? resolve() : reject(error instanceof Error ? error : new Fault('bus.closed')),
      )
    }
    bus
      .read({
        filter,
        from,
        onEntry(entry) {
          if (over) return
          try {
            if (!on(entry) || entry.seq >= last) end()
          } catch (error) {
            end(error)
          }
        },
      })
      .then((reading) => {
        stop = () => reading.stop()
        if (over) void reading.stop()
      }, end)
  })
}
