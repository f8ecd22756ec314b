/**
 * What stands on the log now, between two positions, in portions that are pulled. It serves the
 * gathering of what was in flight. Invariant: no more than a portion, and what was on the wire when
 * it was full, waits in memory, however much there is to read.
 */
import type { Bus, LogEntry, Reading } from '#runtime/bus.ts'

export type Range = { readonly filter: string; readonly from: number; readonly to: number }

/** Past so much the reading pauses until it was taken. */
const waitingBytes = 4_000_000
const waitingRows = 10_000
/** So many are handed on at once: what is done with them fits between two steps of a node. */
const portionRows = 1000

export async function* portionsOf(
  bus: Bus,
  { filter, from, to }: Range,
  signal: AbortSignal,
): AsyncGenerator<readonly LogEntry[]> {
  // Only a matching entry tells that the end was reached, so the last one is looked up first.
  const last = from > to ? undefined : await bus.lastMatching(filter)
  if (last === undefined || last < from) return
  const end = Math.min(last, to)
  let waiting: LogEntry[] = []
  let taken = 0
  let bytes = 0
  let isOver = false
  let isPaused = false
  let reading: Reading | undefined
  let wake = Promise.withResolvers<void>()
  const tell = (): void => wake.resolve()
  signal.addEventListener('abort', tell)

  function onEntry(entry: LogEntry): void {
    if (isOver) return
    if (entry.seq <= to) waiting.push(entry)
    bytes += entry.data.length
    isOver = entry.seq >= end
    if (bytes > waitingBytes || waiting.length > waitingRows) pause()
    tell()
  }

  function pause(): void {
    if (isPaused) return
    isPaused = true
    reading?.pause()
  }

  try {
    reading = await bus.read({ filter, from, onEntry })
    if (isPaused) reading.pause()
    for (;;) {
      signal.throwIfAborted()
      if (taken < waiting.length) {
        // More may come while this portion is worked on.
        const portion = waiting.slice(taken, taken + portionRows)
        taken += portion.length
        yield portion
        continue
      }
      waiting = []
      taken = 0
      bytes = 0
      if (isOver) return
      if (isPaused) reading.resume()
      isPaused = false
      await wake.promise
      wake = Promise.withResolvers()
    }
  } finally {
    signal.removeEventListener('abort', tell)
    await reading?.stop()
  }
}
