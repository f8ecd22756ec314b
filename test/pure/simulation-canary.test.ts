/** Worlds in which one rule is broken on purpose: the simulation must see each of them, and not by luck. */
import { expect, test } from 'vitest'
import { plants } from '#test/support/sim/mutations.ts'
import { runWorld } from '#test/support/sim/world.ts'

/** Each is seen by nearly every seed (more of them in test/long), so two of the first three are a wide margin. */
const seeds = [1, 2, 3]
const seenLeast = 2

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
  for (const seed of seeds) expect((await runWorld({ seed, requests: 40, weather: 'harsh' })).faults).toEqual([])
})
