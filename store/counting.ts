/** How many there are of what, as rows go by in the order of addresses. It serves "per kind counts". Pure. */
import type { Census } from '#protocol/cut.ts'
import type { Needs } from './store.ts'

export type Counting = {
  /** An address, as it stands in keys. */
  count(address: Uint8Array): void
  need(needs: Needs): void
  sum(): Census
}

const slash = 0x2f

export function countOf(): Counting {
  const kinds = new Map<string, number>()
  /** Of the one before: those of a kind come behind each other. */
  let kind = Buffer.alloc(0)
  let count = 0
  let timers = 0
  let effects = 0
  let subscribed = 0

  function settle(): void {
    if (count > 0) kinds.set(kind.toString('latin1'), (kinds.get(kind.toString('latin1')) ?? 0) + count)
    count = 0
  }

  function isSame(address: Uint8Array): boolean {
    for (let at = 0; at < kind.length; at++) if (address[at] !== kind[at]) return false
    return address[kind.length] === slash
  }

  return {
    count(address) {
      if (count === 0 || !isSame(address)) {
        settle()
        const end = address.indexOf(slash)
        kind = Buffer.from(end < 0 ? address : address.subarray(0, end))
      }
      count++
    },
    need({ due, effects: hasEffects, subscribed: isSubscribed }) {
      if (due !== undefined) timers++
      if (hasEffects === true) effects++
      if (isSubscribed === true) subscribed++
    },
    sum() {
      settle()
      return { kinds: Object.fromEntries(kinds), timers, effects, subscribed }
    },
  }
}
