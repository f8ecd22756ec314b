/** Many more worlds than fit into a minute, others on each day. A seed that fails is kept in test/pure/simulation.test.ts. */
import { expect, test } from 'vitest'
import { plants } from '#test/support/sim/mutations.ts'
import { runWorld } from '#test/support/sim/world.ts'

const today = Math.floor(Date.now() / 86_400_000)

test.each(Array.from({ length: 10 }, (_, at) => today * 10_000 + at * 200))(
  'worlds from seed %i on hold',
  async (first) => {
    for (let seed = first; seed < first + 200; seed++) {
      const { faults, story } = await runWorld({ seed, requests: 40, weather: seed % 4 === 0 ? 'harsh' : undefined })
      expect(faults, `seed ${seed}\n${story.join('\n')}`).toEqual([])
    }
  },
)

test.each(Array.from({ length: 6 }, (_, at) => today * 10_000 + at * 50))(
  'worlds of several nodes from seed %i on hold',
  async (first) => {
    for (let seed = first; seed < first + 50; seed++) {
      const weather = seed % 4 === 0 ? 'harsh' : undefined
      const { faults, story } = await runWorld({ seed, requests: 30, nodes: 2 + (seed % 3), weather })
      expect(faults, `seed ${seed}\n${story.join('\n')}`).toEqual([])
    }
  },
)

const canarySeeds = 25

test.each(Object.keys(plants))('four of five worlds in which %s fail', async (name) => {
  let seen = 0
  for (let seed = 1; seed <= canarySeeds; seed++) {
    const { faults } = await runWorld({ seed, requests: 40, weather: 'harsh', mutation: plants[name] })
    if (faults.length > 0) seen++
  }
  expect(seen).toBeGreaterThanOrEqual(canarySeeds * 0.8)
})
