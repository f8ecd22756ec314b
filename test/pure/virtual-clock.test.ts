import { expect, test } from 'vitest'
import { openVirtualClock } from '#runtime/memory/virtual-clock.ts'

const start = Date.UTC(2026, 0, 1)
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('instants come in order, those of one instant in the order they were set, and never twice', async () => {
  const clock = openVirtualClock({ start })
  const seen: string[] = []
  const note = (name: string) => (): void => void seen.push(`${name}@${clock.now() - start}`)
  clock.at(start + 20, note('c'))
  clock.at(start + 10, note('a'))
  clock.at(start + 10, note('b'))
  const gone = clock.at(start + 15, note('gone'))
  clock.at(start + 30, note('later'))
  gone.cancel()
  gone.cancel()
  await clock.advance(20)
  expect(seen).toEqual(['a@10', 'b@10', 'c@20'])
  expect(clock.now()).toBe(start + 20)
  expect(clock.waiting).toBe(1)
  await clock.advance(9)
  expect(seen).toHaveLength(3)
  await clock.advance(1)
  expect(seen.at(-1)).toBe('later@30')
})

test('time stands still until promises and turns of the event loop have come to rest', async () => {
  let waits = 0
  const clock = openVirtualClock({ start, progress: () => waits })
  const seen: string[] = []
  const work = async (name: string): Promise<void> => {
    for (let at = 0; at < 50; at++) await Promise.resolve()
    // More turns than the clock looks at without a sign: only `progress` shows them.
    for (waits = 20; waits > 0; waits--) await turn()
    seen.push(`${name}@${clock.now() - start}`)
  }
  clock.at(start + 10, () => void work('first'))
  clock.at(start + 11, () => void work('second'))
  await clock.advance(100)
  expect(seen).toEqual(['first@10', 'second@11'])
})

test('what is due already happens without anybody moving the time', async () => {
  const clock = openVirtualClock({ start })
  const fired = new Promise<number>((resolve) => {
    clock.at(start - 5, () => clock.at(start, () => resolve(clock.now())))
  })
  expect(await fired).toBe(start)
})

test('two who move the time at once move it one after the other', async () => {
  const clock = openVirtualClock({ start })
  const seen: number[] = []
  for (const at of [5, 15, 25]) clock.at(start + at, () => void seen.push(clock.now() - start))
  await Promise.all([clock.advance(10), clock.advance(10), clock.advance(10)])
  expect(seen).toEqual([5, 15, 25])
  expect(clock.now()).toBe(start + 30)
})

test('time can go on until something is so, and stops there', async () => {
  const clock = openVirtualClock({ start })
  let count = 0
  const again = (): void => {
    count++
    clock.at(clock.now() + 1000, again)
  }
  again()
  expect(await clock.advanceUntil(() => count === 500, 7 * 86_400_000)).toBe(true)
  expect(clock.now()).toBe(start + 499_000)
  expect(await clock.advanceUntil(() => false, 10)).toBe(false)
  expect(clock.now()).toBe(start + 499_010)
})

test('a system that never rests is said to be one', async () => {
  const clock = openVirtualClock({ start })
  let isOver = false
  const again = (): void => void (isOver || clock.at(clock.now(), again))
  again()
  await expect(clock.advance(1)).rejects.toMatchObject({ code: 'clock.restless' })
  isOver = true
})
