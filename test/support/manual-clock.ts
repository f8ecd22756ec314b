/** A clock that moves only when a test moves it, from one due instant to the next. */
import type { Clock } from '#runtime/clock.ts'

export type ManualClock = Clock & {
  /** Goes on by so many milliseconds; after each instant at which something was due, `settle` is awaited. */
  advance(ms: number, settle?: () => Promise<void>): Promise<void>
  /** What waits for an instant. */
  readonly waiting: number
}

export function openManualClock(start = Date.UTC(2026, 0, 1)): ManualClock {
  let now = start
  let count = 0
  const alarms = new Map<number, { readonly at: number; readonly call: () => void }>()

  /** The earliest alarm; of one instant, the one that was set first. */
  function next(): number | undefined {
    let first: number | undefined
    for (const [id, { at }] of alarms)
      if (first === undefined || at < (alarms.get(first) as { at: number }).at) first = id
    return first
  }

  function ring(id: number): void {
    const alarm = alarms.get(id)
    alarms.delete(id)
    alarm?.call()
  }

  return {
    now: () => now,
    at(instant, call) {
      const id = count++
      alarms.set(id, { at: instant, call })
      // What is due already needs no time to pass.
      if (instant <= now) setImmediate(() => ring(id))
      return { cancel: () => void alarms.delete(id) }
    },
    async advance(ms, settle = turn) {
      const end = now + ms
      for (;;) {
        await settle()
        const id = next()
        const alarm = id === undefined ? undefined : alarms.get(id)
        if (id === undefined || alarm === undefined || alarm.at > end) break
        now = Math.max(now, alarm.at)
        ring(id)
      }
      now = end
    },
    get waiting() {
      return alarms.size
    },
  }
}

/** Everything that is ready runs: promises, and what waits for the next turn of the loop. */
export async function turn(): Promise<void> {
  for (let round = 0; round < 3; round++) await new Promise<void>((resolve) => setImmediate(resolve))
}

/** Time goes on, a millisecond after the other, until something is done. */
export async function during<T>(clock: ManualClock, work: Promise<T>, settle = turn): Promise<T> {
  let isOver = false
  const over = (): void => void (isOver = true)
  work.then(over, over)
  while (!isOver) {
    await turn()
    if (!isOver) await clock.advance(1, settle)
  }
  return await work
}
