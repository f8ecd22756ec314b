/** Cuts of whole systems in their storms, held against the log by a checker that shares only the formats. */
import { expect, test } from 'vitest'
import { runWorld } from '#test/support/sim/world.ts'

test.for([1, 2, 3, 4, 5, 6])('cuts in the storm of world %i are consistent', async (seed) => {
  const { faults, story, cuts } = await runWorld({ seed, requests: 40, cuts: true, nodes: seed % 2 ? 2 : undefined })
  console.log(cuts)
  expect(faults, story.join('\n')).toEqual([])
  expect(cuts[0]).toBeGreaterThan(0)
})
