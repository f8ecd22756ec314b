/** Many more worlds than fit into a minute, others on each day. A seed that fails is kept in test/pure/simulation.test.ts. */
import { expect, test } from 'vitest'
import { runWorld } from '#test/support/sim/world.ts'

const today = Math.floor(Date.now() / 86_400_000)

test.each(Array.from({ length: 10 }, (_, at) => today * 10_000 + at * 200))(
  'worlds from seed %i on hold',
  async (first) => {
    for (let seed = first; seed < first + 200; seed++) {
      const { faults, story } = await runWorld({ seed, requests: 40 })
      expect(faults, `seed ${seed}\n${story.join('\n')}`).toEqual([])
    }
  },
)
