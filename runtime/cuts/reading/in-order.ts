/**
 * Work on what comes, some of it at once, with results in the order in which it came. It serves
 * "streams the slice out": putting something away is mostly waiting. Invariants: never more than so
 * many run; the first that fails ends all, and nothing new is begun behind it.
 */
export async function inOrder<T, R>(
  all: AsyncIterable<T> | Iterable<T>,
  work: (one: T) => Promise<R>,
  most: number,
): Promise<R[]> {
  const results: Promise<R>[] = []
  const running = new Set<Promise<R>>()
  for await (const one of all) {
    const result = work(one)
    results.push(result)
    running.add(result)
    const over = (): void => void running.delete(result)
    result.then(over, over)
    if (running.size >= most) await Promise.race(running)
  }
  return await Promise.all(results)
}
