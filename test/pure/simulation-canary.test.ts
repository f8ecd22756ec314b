/** Worlds in which one rule is broken on purpose: the simulation must see each of them, and not by luck. */
import { expect, test } from 'vitest'
import { rounds } from '#test/support/rounds.ts'
import { plants } from '#test/support/sim/mutations.ts'
import { runWorld } from '#test/support/sim/world.ts'

/** Each is seen by nearly every seed (how many is counted in test/long), so one of the first three is a wide margin. */
const seeds = [1, 2, 3]
const seenLeast = rounds(1, 2)

test.each(Object.keys(plants))('a world in which %s fails', async (name) => {
  const seen: number[] = []
  for (const seed of seeds) {
    if (seen.length === seenLeast) break
    const { faults } = await runWorld({ seed, requests: 40, weather: 'harsh', mutation: plants[name] })
    if (faults.length > 0) seen.push(seed)
  }
  expect(seen.length, `only ${seen.join() || 'none'} of the seeds ${seeds.join()} found something wrong`).toBe(
    seenLeast,
  )
})

test('the same worlds without a planted bug are whole', async () => {
  for (const seed of seeds.slice(0, rounds(1, 3)))
    expect((await runWorld({ seed, requests: 40, weather: 'harsh' })).faults).toEqual([])
})
