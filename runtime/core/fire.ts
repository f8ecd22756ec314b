/**
 * A timer comes up. Its visit must be the one that is armed now: a late one of an earlier visit
 * is refused. Names that begin with a dot are the runtime's own: retirement, time to live, cron,
 * questions past their time.
 */
import { cancelTimer, sendTo } from './interpret.ts'
import { Ref } from '#protocol/codec.ts'
import type { AnyEvent } from '#protocol/envelope.ts'
import { buryActor, endActor } from './lifecycle.ts'
import { cronTick } from './cron.ts'
import type { Live } from './live.ts'
import type { Making } from './making.ts'
import { takeEvent } from './take-event.ts'
import { ttlDue } from './needs.ts'
import { forgetQuestions } from './question.ts'

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
  if (name === '.asks') {
    if (!forgetQuestions(live, around)) return stale(making)
    making.changed = true
    return
  }
  const timer = live.book.timers?.[name]
  if (timer === undefined || timer.visit !== visit) return stale(making)
  cancelTimer(live, name)
  making.changed = true
  if (timer.to !== undefined) return sendTo(making, new Ref(timer.to, timer.to, undefined, timer.effect), timer.event)
  takeEvent(making, timer.event)
}

function fireCron(making: Making): void {
  const told = passCron(making.live, making.around.now)
  if (told === undefined) return stale(making)
  making.changed = true
  for (const event of told) takeEvent(making, event)
}

/** Moves the schedule on past its next tick that is due, and gives what is to be told of it; nothing if none is due. */
export function passCron(live: Live, now: number): AnyEvent[] | undefined {
  const { cron } = live.blueprint.options
  const tick = cron === undefined ? undefined : cronTick(cron, live.book.cron?.last ?? live.bornAt, now)
  if (cron === undefined || tick === undefined) return undefined
  live.book.cron = { last: tick.passed }
  return tick.told === undefined ? [] : [{ ...cron.event, at: tick.told }]
}

function retire(making: Making): void {
  const { live, around } = making
  if (live.book.ended === undefined || live.book.ended.retire > around.now) return stale(making)
  buryActor(making)
}

function stale(making: Making): void {
  making.mark = 'stale'
}
