/**
 * The timers of one owner: state, fired by whoever owns it. One alarm of the clock serves all of
 * them, however many are armed. Invariant: for every actor with a due instant there is an entry
 * at or before it; entries are hints, and the state decides.
 */
import type { Address } from '#protocol/address.ts'
import type { Clock } from './clock.ts'
import { heapOf } from './core/heap.ts'

export type Alarms = {
  add(due: number, address: Address): void
  /** Sets the clock's alarm for the earliest. */
  arm(): void
  stop(): void
}

export function alarmsOf(clock: Clock, ring: (addresses: readonly Address[], now: number) => void): Alarms {
  const heap = heapOf<Address>()
  let alarm: { readonly at: number; readonly handle: { cancel(): void } } | undefined
  let stopped = false

  function arm(): void {
    const due = heap.peek()
    if (due === undefined || stopped || (alarm !== undefined && alarm.at <= due)) return
    alarm?.handle.cancel()
    alarm = { at: due, handle: clock.at(due, wake) }
  }

  function wake(): void {
    alarm = undefined
    if (stopped) return
    const now = clock.now()
    const addresses = new Set<Address>()
    for (let due = heap.peek(); due !== undefined && due <= now; due = heap.peek()) addresses.add(heap.pop() as Address)
    if (addresses.size > 0) ring([...addresses], now)
    arm()
  }

  return {
    add: (due, address) => heap.push(due, address),
    arm,
    stop() {
      stopped = true
      alarm?.handle.cancel()
      heap.clear()
    },
  }
}
