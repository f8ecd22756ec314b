/** Dice that a seed decides: the same seed throws the same numbers, on every machine. */
export type Random = {
  /** From 0 up to but not including 1. */
  next(): number
  /** A whole number from `least` to `most`, both included. */
  int(least: number, most: number): number
  chance(probability: number): boolean
  pick<T>(all: readonly T[]): T
  /** Dice of their own for a part of the world, so that one more throw here changes nothing there. */
  fork(): Random
}

export function randomOf(seed: number): Random {
  let state = (seed * 0x9e3779b9) >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
  const int = (least: number, most: number): number => least + Math.floor(next() * (most - least + 1))
  return {
    next,
    int,
    chance: (probability) => next() < probability,
    pick: (all) => all[int(0, all.length - 1)] as (typeof all)[number],
    fork: () => randomOf(int(0, 4_294_967_295)),
  }
}
