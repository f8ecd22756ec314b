/**
 * How many entries each reading of a connection may ask for at a time. It serves the clause "an
 * envelope arrives": an answer stands behind all that is on its way to this node, so sixteen readings
 * that catch up with a thousand each keep every commit and every question waiting for a second.
 * Invariant: what is owed to the readings to which something comes is bounded, but for a least that
 * each has, so that none waits for another.
 */

/**
 * Of all together. While a node took up a queue of 300,000 in sixteen mailboxes, a cut was recorded in
 * 2.2 to 3.7 s with 16,000, and in 0.2 to 0.9 s with a quarter of it; the queue was worked off as fast.
 */
export const wireMost = 8000
/** Of one, which reads alone: 256 were half as fast. */
const windowMost = 1000
const windowLeast = 64
/** One to which nothing came for so long has asked in advance: nothing of it is on the way. */
const activeMs = 250

export type Asking = {
  /** Entries asked for and not yet come. */
  owed(): number
  /** When something last came. */
  heardAt(): number
}

export type WireShare = {
  join(one: Asking): void
  leave(one: Asking): void
  /** How many it may be owed now. */
  window(one: Asking, now: number): number
}

export function wireShareOf(): WireShare {
  const all = new Set<Asking>()
  return {
    join: (one) => void all.add(one),
    leave: (one) => void all.delete(one),
    window(asking, now) {
      let active = 1
      let others = 0
      for (const one of all) {
        const owed = one === asking ? 0 : one.owed()
        if (owed === 0 || now - one.heardAt() > activeMs) continue
        active++
        others += owed
      }
      const fair = Math.min(Math.floor(wireMost / active), wireMost - others)
      return Math.max(windowLeast, Math.min(windowMost, fair))
    },
  }
}
