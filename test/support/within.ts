/** Virtual time goes on until something is done. */
import type { VirtualClock } from '#runtime/memory/virtual-clock.ts'

const mostMs = 10 * 60_000

export async function within<T>(clock: VirtualClock, work: Promise<T>): Promise<T> {
  let isOver = false
  const over = (): void => void (isOver = true)
  work.then(over, over)
  if (!(await clock.advanceUntil(() => isOver, mostMs))) throw new Error('it takes longer than ten minutes')
  return await work
}
