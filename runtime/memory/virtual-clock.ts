/**
 * Time that a test owns: it stands still until it is moved, and then jumps from one due instant
 * to the next, so that a workflow of a week takes milliseconds. It serves the whole sentence,
 * over the memory bus and the memory store, which wait for nothing but this clock. Invariant:
 * time goes on only when all that can happen at the present instant has happened, so a run
 * depends on nothing but what was asked of it.
 */
import { Fault } from '#protocol/fault.ts'
import type { Clock } from '#runtime/clock.ts'
import { heapOf } from '#runtime/core/heap.ts'

export type VirtualClock = Clock & {
  /** Goes on by so much, resting at every instant at which something is due. */
  advance(ms: number): Promise<void>
  /** Goes on from instant to instant until it is so, `most` ms at most; says whether it is. */
  advanceUntil(isSo: () => boolean, most: number): Promise<boolean>
  /** All that can happen without time going on has happened. */
  runUntilIdle(): Promise<void>
  /** The instants that are waited for. */
  readonly waiting: number
}

export type VirtualClockOptions = {
  readonly start: number
  /**
   * Changes whenever something happened that the clock cannot see: what waits in a queue for the
   * next turn of the event loop. Everything else runs as promises, within the turn.
   */
  readonly progress?: (() => string | number) | undefined
}

type Alarm = { call: (() => void) | undefined }

/** Turns of the event loop without any sign of life; a program may pass a turn or two unseen. */
const stillTurns = 3

/** A system that is busy for so long while time stands still will never come to rest. */
const turnsMost = 100_000

export function openVirtualClock({ start, progress = () => 0 }: VirtualClockOptions): VirtualClock {
  let now = start
  let waiting = 0
  /** Counts alarms set, cancelled and fired: the signs of life that the clock sees itself. */
  let signs = 0
  let isWoken = false
  const alarms = heapOf<Alarm[]>()
  /** Of one instant, in the order in which they were set. */
  const byInstant = new Map<number, Alarm[]>()
  let moving: Promise<unknown> = Promise.resolve()

  function at(instant: number, call: () => void): { cancel(): void } {
    const alarm: Alarm = { call }
    const present = byInstant.get(instant)
    if (present === undefined) {
      const list = [alarm]
      byInstant.set(instant, list)
      alarms.push(instant, list)
    } else {
      present.push(alarm)
    }
    waiting++
    signs++
    if (instant <= now) wake()
    return {
      cancel() {
        if (alarm.call === undefined) return
        alarm.call = undefined
        waiting--
        signs++
      },
    }
  }

  /** What is due already needs nobody who moves the time. */
  function wake(): void {
    if (isWoken) return
    isWoken = true
    setImmediate(() => {
      isWoken = false
      fire()
    })
  }

  function fire(): void {
    for (let due = nextDue(); due !== undefined && due <= now; due = nextDue()) {
      const list = alarms.pop() as Alarm[]
      byInstant.delete(due)
      for (const alarm of list) {
        const { call } = alarm
        if (call === undefined) continue
        alarm.call = undefined
        waiting--
        signs++
        call()
      }
      // What was set meanwhile for this very instant has its own turn.
      if (nextDue() === due) return wake()
    }
  }

  /** Skips instants whose alarms were all cancelled. */
  function nextDue(): number | undefined {
    for (let due = alarms.peek(); due !== undefined; due = alarms.peek()) {
      if (byInstant.get(due)?.some((alarm) => alarm.call !== undefined) === true) return due
      alarms.pop()
      byInstant.delete(due)
    }
    return undefined
  }

  async function rest(): Promise<void> {
    const sign = (): string => `${signs} ${progress()}`
    let seen = sign()
    let still = 0
    for (let turns = 0; still < stillTurns; turns++) {
      if (turns > turnsMost) throw new Fault('clock.restless', { limit: turnsMost })
      await new Promise<void>((resolve) => setImmediate(resolve))
      const shown = sign()
      still = shown === seen && !isWoken ? still + 1 : 0
      seen = shown
    }
  }

  async function move(end: number, isSo: () => boolean): Promise<boolean> {
    for (;;) {
      await rest()
      if (isSo()) return true
      const due = nextDue()
      if (due === undefined || due > end) break
      now = Math.max(now, due)
      fire()
    }
    now = Math.max(now, end)
    return false
  }

  /** One after the other: two who move the time at once would each see the other's instants. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = moving.then(work)
    moving = result.catch(() => undefined)
    return result
  }

  return {
    now: () => now,
    at,
    async advance(ms) {
      await inTurn(() => move(now + ms, () => false))
    },
    advanceUntil: (isSo, most) => inTurn(() => move(now + most, isSo)),
    runUntilIdle: () => inTurn(rest),
    get waiting() {
      return waiting
    },
  }
}
