/**
 * Several nodes that share a realm by heartbeats, in worlds that a seed decides: they are killed,
 * frozen, cut off for seconds, leave and come back, while bank, lists and registers go on. What
 * must hold is said by the same checkers as for any other world. More seeds run with `npm run test:long`.
 */
import { expect, test } from 'vitest'
import { rounds } from '#test/support/rounds.ts'
import { runWorld } from '#test/support/sim/world.ts'

test.each(Array.from({ length: rounds(2, 12) }, (_, at) => at + 1))(
  'nothing is lost or twice among nodes that come and go, and at rest each partition has one owner (%i) [N6]',
  async (seed) => {
    const { faults, story } = await runWorld({ seed, requests: 30, nodes: 2 + (seed % 2) })
    expect({ faults, story: faults.length > 0 ? story : [] }).toEqual({ faults: [], story: [] })
  },
)
