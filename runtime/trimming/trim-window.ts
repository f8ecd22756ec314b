/**
 * Where the history window begins: what is older may leave the log. It serves trimming, and
 * decides nothing of safety. Invariant: what is younger than the window stays, unless the log is
 * larger than it may be.
 */
import type { Bus, LogState } from '#runtime/bus.ts'
import type { Clock } from '#runtime/clock.ts'

export type WindowOptions = {
  /** What is younger stays, as long as the log is smaller than `historyBytes`. */
  readonly historyMs: number
  readonly historyBytes: number
}

type World = { readonly bus: Bus; readonly clock: Clock }

/** How many sequences in a row may be missing before they count as trimmed. */
const missingMost = 64

/** The last sequence outside the window: by age, or sooner when the log is too big. */
export async function windowEnd({ bus, clock }: World, state: LogState, options: WindowOptions): Promise<number> {
  const byAge = await lastBefore(bus, clock.now() - options.historyMs, state)
  if (state.bytes <= options.historyBytes) return byAge
  const share = 1 - options.historyBytes / state.bytes
  return Math.max(byAge, Math.floor(state.firstSeq + (state.lastSeq - state.firstSeq) * share))
}

async function lastBefore(bus: Bus, instant: number, state: LogState): Promise<number> {
  let low = state.firstSeq - 1
  let high = state.lastSeq
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    const entry = await nextFrom(bus, middle, high)
    // Nothing stands there any more: it was trimmed, so it is older than what is left.
    if (entry !== undefined && entry.at >= instant) high = middle - 1
    else low = middle
  }
  return low
}

/** Sequences may be missing where something was purged or removed. */
async function nextFrom(bus: Bus, seq: number, most: number): Promise<{ readonly at: number } | undefined> {
  for (let at = seq; at <= most && at < seq + missingMost; at++) {
    const entry = await bus.get(at)
    if (entry !== undefined) return entry
  }
  return undefined
}
