/**
 * Gathers entries of the log that the next fold keeps beside the states, so that a log which comes
 * back shorter can be mended. It serves "fold". Invariant: what a fold holds is all that its records
 * sent and consumed from outside; older than what a server may forget, nothing is held.
 */
import { encodeHeld, type HeldEntry } from '#protocol/held.ts'
import type { Clock } from '#runtime/clock.ts'

export type HoldOptions = {
  /** How old an entry may be that the log can still forget; 0: it forgets nothing. */
  readonly mendKeepMs: number
}

export type Holding = {
  readonly isOn: boolean
  add(entry: HeldEntry): void
  /** What was gathered since the last time. */
  take(): Uint8Array | undefined
}

export function holdingOf(clock: Clock, { mendKeepMs }: HoldOptions): Holding {
  let entries: HeldEntry[] = []
  const isOn = mendKeepMs > 0
  return {
    isOn,
    add(entry) {
      if (!isOn || (entry.at > 0 && entry.at < clock.now() - mendKeepMs)) return
      entries.push(entry)
    },
    take() {
      if (entries.length === 0) return undefined
      const chunk = encodeHeld(entries, clock.now())
      entries = []
      return chunk
    },
  }
}
