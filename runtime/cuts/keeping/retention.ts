/**
 * Which cuts stay. It serves "keep last, hourly, daily". Invariants: only what the schedule took is
 * ever given up by itself; the newest whole one always stays, and so does what a fork needs; the answer depends on nothing but the
 * notes, so whoever keeps house next decides the same.
 */
import type { CutNote } from '#protocol/cut.ts'
import { isHeld } from './hold-cut.ts'

export type Keep = {
  /** The newest so many. */
  readonly last: number
  /** The newest of each of the last so many hours, and days, in which there are some. */
  readonly hourly: number
  readonly daily: number
}

export const bySchedule = 'schedule'

/** Why cuts were abandoned is of interest for a while; so many are remembered. */
const abandonedMost = 20

const hourMs = 3_600_000
const dayMs = 24 * hourMs

/** By id; to be removed. */
export function expiredOf(notes: readonly CutNote[], keep: Keep): readonly string[] {
  const newestFirst = notes.toSorted((a, b) => b.begunAt - a.begunAt)
  const whole = newestFirst.filter(({ state, by }) => state === 'whole' && by === bySchedule)
  const kept = new Set([
    ...whole.slice(0, Math.max(1, keep.last)).map(({ id }) => id),
    ...newestOfEach(whole, hourMs, keep.hourly),
    ...newestOfEach(whole, dayMs, keep.daily),
  ])
  const abandoned = newestFirst.filter(({ state }) => state === 'abandoned').slice(abandonedMost)
  return [...whole.filter((note) => !kept.has(note.id) && !isHeld(note)), ...abandoned].map(({ id }) => id)
}

/** Hours and days of UTC: what stays does not depend on where the node stands. */
function newestOfEach(newestFirst: readonly CutNote[], lengthMs: number, most: number): readonly string[] {
  const found = new Map<number, string>()
  for (const { id, begunAt } of newestFirst) {
    const stretch = Math.floor(begunAt / lengthMs)
    if (!found.has(stretch) && found.size < most) found.set(stretch, id)
  }
  return [...found.values()]
}
