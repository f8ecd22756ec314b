/** Cuts that are taken wrongly, one rule at a time: the checkers must see each of them, and not by luck. */
import { expect, test } from 'vitest'
import { pictureOf } from '#test/support/cuts/picture-of-cut.ts'
import { pictureFaults } from '#test/support/cuts/picture.ts'
import { copying, cutPlants } from '#test/support/cuts/plants.ts'
import { wallets } from '#test/support/cuts/wallets.ts'
import { rounds } from '#test/support/rounds.ts'
import { runWorld } from '#test/support/sim/world.ts'
import type { Plant } from '#test/support/sim/process.ts'

const seeds = Array.from({ length: 16 }, (_, at) => at + 1)
const seenLeast = rounds(1, 2)

/** What the two checkers say: the one that reads the log, and the one that reads the picture alone. */
async function faultsOf(seed: number, mutation: Plant | undefined): Promise<{ log: string[]; picture: string[] }> {
  const { faults, taken } = await runWorld({
    seed,
    requests: 60,
    weather: 'harsh',
    workloads: [wallets(6)],
    cuts: true,
    mutation,
  })
  return { log: [...faults], picture: taken.flatMap((cut) => pictureFaults(pictureOf(cut))) }
}

test.each(Object.keys(cutPlants))('cuts of a realm in which %s', async (name) => {
  const seen: number[] = []
  for (const seed of seeds) {
    if (seen.length === seenLeast) break
    const { log, picture } = await faultsOf(seed, cutPlants[name])
    if (log.length + picture.length > 0) seen.push(seed)
  }
  expect(seen.length, `only ${seen.join() || 'none'} of the seeds ${seeds.join()} found something wrong`).toBe(
    seenLeast,
  )
})

test('the same cuts without a planted bug are consistent', async () => {
  for (const seed of seeds.slice(0, rounds(1, 6)))
    expect(await faultsOf(seed, undefined), `seed ${seed}`).toEqual({ log: [], picture: [] })
})

test('a log on which much stands twice makes no cut wrong', async () => {
  const twice: Plant = () => ({ bus: copying })
  for (const seed of seeds.slice(0, rounds(1, 6)))
    expect(await faultsOf(seed, twice), `seed ${seed}`).toEqual({ log: [], picture: [] })
})
