/**
 * Where the history window begins: what is older may leave the log. It serves trimming, and
 * decides nothing of safety. Invariant: what is younger than the window stays, unless the log is
 * larger than it may be. All in sequences, in whose order entries are stored: what a mending
 * appended again is as young as the mending, whatever its position.
 */
import type { Bus, LogOrder, LogState } from '#runtime/bus.ts'
import type { Clock } from '#runtime/clock.ts'

export type WindowOptions = {
  /** What is younger stays, as long as the log is smaller than `historyBytes`. */
  readonly historyMs: number
  readonly historyBytes: number
}

type World = { readonly order: Pick<LogOrder, 'stored'>; readonly clock: Clock }

/** On a log that never was mended one order is the other. */
export function orderOf({ order, get, logState }: Bus): LogOrder {
  const same = (seq: number): number => seq
  return order ?? { positionOf: same, boundOf: same, topOf: same, stored: get, state: logState }
}

/** How many sequences in a row may be missing before they count as trimmed. */
const missingMost = 64

/** The last sequence outside the window: by age, or sooner when the log is too big. */
export async function windowEnd({ order, clock }: World, state: LogState, options: WindowOptions): Promise<number> {
  const byAge = await lastBefore(order, clock.now() - options.historyMs, state)
  if (state.bytes <= options.historyBytes) return byAge
  const share = 1 - options.historyBytes / state.bytes
  return Math.max(byAge, Math.floor(state.firstSeq + (state.lastSeq - state.firstSeq) * share))
}

async function lastBefore(order: World['order'], instant: number, state: LogState): Promise<number> {
  let low = state.firstSeq - 1
  let high = state.lastSeq
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    const entry = await nextFrom(order, middle, high)
    // Nothing stands there any more: it was trimmed, so it is older than what is left.
    if (entry !== undefined && entry.at >= instant) high = middle - 1
    else low = middle
  }
  return low
}

/** Sequences may be missing where something was purged or removed. */
async function nextFrom(
  order: World['order'],
  seq: number,
  most: number,
): Promise<{ readonly at: number } | undefined> {
  for (let at = seq; at <= most && at < seq + missingMost; at++) {
    const entry = await order.stored(at)
    if (entry !== undefined) return entry
  }
  return undefined
}
