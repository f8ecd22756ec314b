/**
 * So many at once, the others in their order. It serves "streams the slice out": what waits to be put
 * away by all partitions together is bounded.
 */
export type Turns = <T>(work: () => Promise<T>) => Promise<T>

export function turnsOf(most: number): Turns {
  const waiting: (() => void)[] = []
  let running = 0

  return async (work) => {
    if (running >= most) await new Promise<void>((resolve) => waiting.push(resolve))
    else running++
    try {
      return await work()
    } finally {
      // The next has this one's place.
      const next = waiting.shift()
      if (next === undefined) running--
      else next()
    }
  }
}
