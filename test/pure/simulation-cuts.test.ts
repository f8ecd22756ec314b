/**
 * Cuts of whole systems in their storms: nodes that die, freeze, fight, share and come back, logs that
 * are trimmed, several cuts at once. They are held against the log by a checker that shares only the
 * formats. More seeds run with `npm run test:long`, any with `npm run simulate -- cuts`.
 */
import { expect, test } from 'vitest'
import { rounds } from '#test/support/rounds.ts'
import { seedWorlds } from '#test/support/sim/seeds.ts'
import { runWorld } from '#test/support/sim/world.ts'

test.each(Array.from({ length: rounds(3, 40) }, (_, at) => at + 1))(
  'cuts in the storm of world %i are consistent [N8]',
  async (seed) => {
    const { faults, story, cuts } = await runWorld(seedWorlds.cuts(seed))
    expect({ faults, story: faults.length > 0 ? story : [] }).toEqual({ faults: [], story: [] })
    expect(cuts[0]).toBeGreaterThan(0)
  },
)
