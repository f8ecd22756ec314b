/**
 * The timers of one owner: state, fired by whoever owns it. One alarm of the clock serves all of
 * them, however many are armed. Invariant: for every actor with a due instant there is an entry
 * at or before it, or an arrival on its way; entries are hints, and the state decides.
 */
import { type Address, kindOf } from '#protocol/address.ts'
import type { Clock } from '#runtime/clock.ts'
import type { Arrival } from '#runtime/core/arrival.ts'
import { heapOf } from '#runtime/core/heap.ts'
import { type Away, dueNow, needsOf } from '#runtime/core/needs.ts'
import { loopTurn } from './loop-turn.ts'
import type { Kinds, Resident, Residents } from './residents.ts'
import { isTraced, trace } from '#runtime/trace.ts'

export type Alarms = {
  add(due: number, address: Address): void
  /** The actor was stepped: its next instant may be another. */
  rearm(resident: Resident): void
  /** Sets the clock's alarm for the earliest. */
  arm(): void
  stop(): void
}

type World = {
  readonly clock: Clock
  readonly residents: Residents
  readonly kinds: Kinds
  /** `isStill`: nothing fires as long as this owner has it. */
  readonly away: Away & { readonly isStill: boolean }
  /** A timer that is due arrives like an envelope that never was on the log. */
  readonly arrive: (arrival: Arrival) => void
  readonly onError: (error: unknown) => void
}

/** More than this behind its instant a timer is worth a trace. */
const lateMs = 5

/** So many actors are loaded for their timers without a pause: after an absence all may be due at once. */
const sliceActors = 64

export function alarmsOf({ clock, residents, kinds, away, arrive, onError }: World): Alarms {
  const heap = heapOf<Address>()
  let alarm: { readonly at: number; readonly handle: { cancel(): void } } | undefined
  let isStopped = false

  function arm(): void {
    const due = heap.peek()
    if (due === undefined || isStopped || away.isStill || (alarm !== undefined && alarm.at <= due)) return
    alarm?.handle.cancel()
    alarm = { at: due, handle: clock.at(due, wake) }
  }

  function wake(): void {
    alarm = undefined
    if (isStopped) return
    try {
      const now = clock.now()
      const addresses = new Set<Address>()
      const isDue = (): boolean => (heap.peek() ?? Number.POSITIVE_INFINITY) <= now
      while (addresses.size < sliceActors && isDue()) addresses.add(heap.pop() as Address)
      for (const address of addresses) ring(address, now)
      if (isDue()) goOn()
      else arm()
    } catch (error) {
      onError(error)
    }
  }

  /** With the rest of those that are due, when the loop has turned. */
  function goOn(): void {
    let isCancelled = false
    alarm = { at: heap.peek() as number, handle: { cancel: () => void (isCancelled = true) } }
    void loopTurn().then(() => {
      if (!isCancelled) wake()
    })
  }

  function ring(address: Address, now: number): void {
    // A kind that is not served here sleeps on; its timers are late when it is back.
    if (!kinds.has(kindOf(address))) return
    const resident = residents.get(address)
    resident.alarmAt = Number.POSITIVE_INFINITY
    if (resident.live === undefined) return
    const due = dueNow(resident.live, away, now)
    // The instant moved on since the entry was made, as that of an actor's time to live does.
    if (due.length === 0) return rearm(resident)
    for (const { name, visit, due: instant } of due) {
      if (isTraced() && now - instant > lateMs) trace({ is: 'timer.late', address, name, ms: now - instant })
      arrive({ by: 'timer', address, name, visit })
    }
  }

  function rearm(resident: Resident): void {
    const { live } = resident
    const due = live === undefined || live.book.unfit !== undefined ? undefined : needsOf(live, away).due
    if (due === undefined || (resident.alarmAt <= due && resident.alarmAt >= clock.now())) return
    resident.alarmAt = due
    heap.push(due, resident.address)
  }

  return {
    add: (due, address) => heap.push(due, address),
    rearm,
    arm,
    stop() {
      isStopped = true
      alarm?.handle.cancel()
      heap.clear()
    },
  }
}
