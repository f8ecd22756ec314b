/** Fixed seeds of the nemesis, a few seconds each: everything at once, and nodes that come and go. */
import { expect, test } from 'vitest'
import { plans as known } from '#bin/commands/chaos.ts'
import { type PlanName, plans } from './plans.ts'
import { broken, runPlan } from './run.ts'

const runs: readonly (readonly [plan: PlanName, seed: number])[] = [
  ['everything', 101],
  ['moves', 103],
]

test.each(runs)(
  'nothing is lost, twice, out of order or different by the plan %s with seed %i',
  async (plan, seed) => {
    const options = { seed, forMs: 8000, eventsPerSecond: 400 }
    expect(broken(await runPlan(plan, options), options)).toBe('')
  },
  240_000,
)

test('the command knows the plans that there are', () => {
  expect(known).toEqual(Object.keys(plans))
})
