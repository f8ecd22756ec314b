/**
 * So many at a time, the others in the order in which they came: what is done for many partitions or
 * effects at once stays bounded. Invariant: who failed gives its turn on.
 */
export type Turns = <T>(work: () => Promise<T>) => Promise<T>

export function turnsOf(most: number): Turns {
  const waiting: (() => void)[] = []
  let busy = 0

  return async (work) => {
    if (busy >= most) await new Promise<void>((resolve) => waiting.push(resolve))
    else busy++
    try {
      return await work()
    } finally {
      // The next has this one's place.
      const next = waiting.shift()
      if (next === undefined) busy--
      else next()
    }
  }
}
