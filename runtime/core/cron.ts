/**
 * Instants of a schedule. Pure: the library is asked for the instant after a given one, never
 * for "now". The missed-tick policy decides what happens to those that passed unobserved.
 */
import { Cron } from 'croner'
import type { CronPolicy } from '#protocol/actor.ts'

/** Later than this after its instant a tick counts as missed. */
const missedAfterMs = 60_000

export function cronNext(cron: Pick<CronPolicy, 'schedule' | 'zone'>, after: number): number | undefined {
  const next = new Cron(cron.schedule, { timezone: cron.zone ?? 'UTC', paused: true }).nextRun(new Date(after))
  return next?.getTime()
}

export type CronTick = {
  /** Every instant up to this one is dealt with then. */
  readonly passed: number
  /** The one that is told; none when the policy leaves it out. */
  readonly told: number | undefined
}

/**
 * The next tick that is due; nothing if none is. Each is told in a step of its own, so that one
 * which the machine cannot take harms no other.
 */
export function cronTick(cron: CronPolicy, last: number, now: number): CronTick | undefined {
  const first = cronNext(cron, last)
  if (first === undefined || first > now) return undefined
  const { missed = 'once' } = cron
  if (missed === 'all') return { passed: first, told: first }
  const latest = latestOf(cron, first, now)
  return { passed: latest, told: missed === 'once' || now - latest <= missedAfterMs ? latest : undefined }
}

/** The last instant until now. It is looked for from now backwards: a year of minutes would block its partition. */
function latestOf(cron: CronPolicy, first: number, now: number): number {
  for (let backMs = 1000; now - backMs > first; backMs *= 2) {
    const at = cronNext(cron, now - backMs)
    if (at !== undefined && at <= now) return lastFrom(cron, at, now)
  }
  return lastFrom(cron, first, now)
}

function lastFrom(cron: CronPolicy, from: number, now: number): number {
  const next = cronNext(cron, from)
  return next === undefined || next > now ? from : lastFrom(cron, next, now)
}
