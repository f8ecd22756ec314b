/** Whether timers fire. */
import { stillText } from '#bin/still-text.ts'
import { type RealmHandle, systemClock } from '#runtime/index.ts'
import { type Finding, warn } from './finding.ts'

/** Nothing where they do. */
export async function checkTimers({ operate, bus }: RealmHandle): Promise<Finding | undefined> {
  const says = await stillText(operate, systemClock.now())
  if (says === undefined) return undefined
  const why = bus.fork === undefined ? 'It was restored so' : `It is a fork of ${bus.fork.of}`
  return warn('timers', says, `${why}. Nothing that waits for an instant goes on before that.`)
}
