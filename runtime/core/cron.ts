/**
 * Instants of a schedule. Pure: the library is asked for the instant after a given one, never
 * for "now". The missed-tick policy decides what happens to those that passed unobserved.
 */
import { Cron } from 'croner'
import type { CronPolicy } from '#protocol/actor.ts'

/** More missed instants than this are told as one, however the policy reads. */
const mostAtOnce = 1000
/** Later than this after its instant a tick counts as missed. */
const missedAfterMs = 60_000

export function cronNext(cron: Pick<CronPolicy, 'schedule' | 'zone'>, after: number): number | undefined {
  const next = new Cron(cron.schedule, { timezone: cron.zone ?? 'UTC', paused: true }).nextRun(new Date(after))
  return next?.getTime()
}

export type CronInstants = {
  readonly fire: readonly number[]
  /** The last instant at or before now; nothing if none has come. */
  readonly passed: number | undefined
}

export function cronInstants(cron: CronPolicy, last: number, now: number): CronInstants {
  const passed: number[] = []
  let at = cronNext(cron, last)
  while (at !== undefined && at <= now && passed.length < mostAtOnce) {
    passed.push(at)
    at = cronNext(cron, at)
  }
  const latest = passed.at(-1)
  if (latest === undefined) return { fire: [], passed: undefined }
  const policy = cron.missed ?? 'once'
  if (policy === 'all') return { fire: passed, passed: latest }
  if (policy === 'once') return { fire: [latest], passed: latest }
  return { fire: now - latest <= missedAfterMs ? [latest] : [], passed: latest }
}
