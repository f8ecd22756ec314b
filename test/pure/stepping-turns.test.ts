/** Stepping in turns: however many partitions have much to do, the node comes to its answers in between. */
import { expect, test } from 'vitest'
import { budgetMs, steppingTurnsOf } from '#runtime/partition/stepping-turns.ts'

const loopTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Partitions that step for so long each time, as long as they have something to do. */
function partitionsOf(count: number, { slices, sliceMs }: { slices: number; sliceMs: number }) {
  let now = 0
  const turns = steppingTurnsOf({ now: () => now })
  const stepped: number[] = []
  const left = Array.from({ length: count }, () => slices)
  function ask(partition: number): void {
    turns.ask(() => {
      stepped.push(partition)
      now += sliceMs
      const more = (left[partition] ?? 0) - 1
      left[partition] = more
      if (more > 0) ask(partition)
    })
  }
  for (let partition = 0; partition < count; partition++) ask(partition)
  return { stepped, now: () => now }
}

test('between two turns of the event loop the partitions step no longer than one budget and a slice', async () => {
  const { stepped, now } = partitionsOf(64, { slices: 3, sliceMs: 4 })
  let longest = 0
  while (stepped.length < 3 * 64) {
    const before = now()
    await loopTurn()
    longest = Math.max(longest, now() - before)
  }
  expect(longest).toBeLessThanOrEqual(budgetMs + 4)
  expect(longest).toBeGreaterThanOrEqual(budgetMs)
})

test('nobody steps twice before all who wait have stepped once', async () => {
  const { stepped } = partitionsOf(10, { slices: 4, sliceMs: 4 })
  while (stepped.length < 40) await loopTurn()
  const all = Array.from({ length: 10 }, (_, partition) => partition)
  expect(stepped).toEqual([...all, ...all, ...all, ...all])
})

test('what takes no time is done in one turn of the loop, and what it asks for in the next', async () => {
  const { stepped } = partitionsOf(32, { slices: 2, sliceMs: 0 })
  await loopTurn()
  expect(stepped).toHaveLength(32)
  await loopTurn()
  expect(stepped).toHaveLength(64)
})
