/**
 * A timer comes up. Its visit must be the one that is armed now: a late one of an earlier visit
 * is refused. Names that begin with a dot are the runtime's own: retirement, time to live, cron.
 */
import { cancelTimer, sendTo } from './interpret.ts'
import { Ref } from '#protocol/codec.ts'
import { buryActor, endActor } from './lifecycle.ts'
import { cronInstants } from './cron.ts'
import { count, type Making } from './making.ts'
import { takeEvent } from './take-event.ts'
import { ttlDue } from './needs.ts'

export function fireTimer(making: Making, name: string, visit: number): void {
  const { live, around } = making
  if (name === '.retire') return retire(making)
  if (live.book.ended !== undefined) return stale(making)
  if (name === '.ttl') {
    const due = ttlDue(live)
    if (due === undefined || due > around.now) return stale(making)
    return endActor(making, 'expired', {})
  }
  if (name === '.cron') return fireCron(making)
  const timer = live.book.timers?.[name]
  if (timer === undefined || timer.visit !== visit) return stale(making)
  cancelTimer(live, name)
  making.changed = true
  if (timer.to !== undefined) return sendTo(making, new Ref(timer.to), timer.event)
  takeEvent(making, timer.event, () => {
    making.mark = 'unhandled'
    count(live, 'unhandled')
  })
}

function fireCron(making: Making): void {
  const { live, around } = making
  const { cron } = live.blueprint.options
  if (cron === undefined) return stale(making)
  const last = live.book.cron?.last ?? live.bornAt
  const instants = cronInstants(cron, last, around.now)
  const latest = instants.passed
  if (latest === undefined) return stale(making)
  live.book.cron = { last: latest }
  making.changed = true
  for (const at of instants.fire) {
    if (live.book.ended !== undefined) return
    takeEvent(making, { ...cron.event, at }, () => {
      making.mark = 'unhandled'
      count(live, 'unhandled')
    })
  }
}

function retire(making: Making): void {
  const { live, around } = making
  if (live.book.ended === undefined || live.book.ended.retire > around.now) return stale(making)
  buryActor(making)
}

function stale(making: Making): void {
  making.mark = 'stale'
}
