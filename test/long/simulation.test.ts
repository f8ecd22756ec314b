/**
 * More worlds than fit into a minute, the same in each run and in less than four minutes; other
 * seeds come with `npm run simulate`. A seed that fails is kept in test/pure/simulation.test.ts.
 */
import { expect, test } from 'vitest'
import { plants } from '#test/support/sim/mutations.ts'
import { type SeedWorld, seedWorlds } from '#test/support/sim/seeds.ts'
import { runWorld } from '#test/support/sim/world.ts'

const perTest = 20

/** Others than in a minute. */
const firsts = (from: number, count: number): number[] =>
  Array.from({ length: count / perTest }, (_, at) => from + at * perTest)

async function hold(name: SeedWorld, first: number): Promise<void> {
  for (let seed = first; seed < first + perTest; seed++) {
    const { faults, story } = await runWorld(seedWorlds[name](seed))
    expect(faults, `npm run simulate -- ${name} --from ${seed} --count 1\n${story.join('\n')}`).toEqual([])
  }
}

test.each(firsts(1001, 120))('worlds from seed %i on hold', (first) => hold('single', first))

test.each(firsts(1001, 40))('worlds of several nodes from seed %i on hold', (first) => hold('several', first))

/** Which dice a world throws is fixed by its seed, when its own random names come up is not: so two of many. */
const canaries = { worlds: 12, enough: 2 }

test.each(Object.keys(plants))('two of twelve worlds in which %s fail', async (name) => {
  const seen: number[] = []
  for (let seed = 1; seed <= canaries.worlds && seen.length < canaries.enough; seed++) {
    const { faults } = await runWorld({ seed, requests: 40, weather: 'harsh', mutation: plants[name] })
    if (faults.length > 0) seen.push(seed)
  }
  expect(seen.length, `only ${seen.join() || 'none'} of ${canaries.worlds} found something wrong`).toBe(canaries.enough)
})
