/**
 * So many at a time, the others in the order in which they came. It serves the clause of the claim:
 * what is done for many partitions at once stays bounded. Invariant: who failed gives its turn on.
 */
export type Turns = {
  take<T>(work: () => Promise<T>): Promise<T>
}

export function turnsOf(most: number): Turns {
  const waiting: (() => void)[] = []
  let busy = 0
  return {
    async take(work) {
      if (busy >= most) await new Promise<void>((resolve) => waiting.push(resolve))
      else busy++
      try {
        return await work()
      } finally {
        const next = waiting.shift()
        if (next === undefined) busy--
        else next()
      }
    },
  }
}
