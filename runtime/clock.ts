/** The one owner of time. Everything that waits or stamps asks it, so tests can skip a week. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number
  /** Calls once at or after the instant; cancelling is free. */
  at(instant: number, call: () => void): { cancel(): void }
}

export function pause(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => clock.at(clock.now() + ms, resolve))
}

// One setTimeout holds at most 2^31-1 ms; a later instant is reached in several.
const longestMs = 2_147_000_000

export const systemClock: Clock = {
  now: () => Date.now(),
  at(instant, call) {
    let handle: NodeJS.Timeout
    const arm = (): void => {
      const left = instant - Date.now()
      handle = setTimeout(left > longestMs ? arm : call, Math.min(Math.max(left, 0), longestMs))
    }
    arm()
    return { cancel: () => clearTimeout(handle) }
  },
}
