/** Worlds in which one rule of the log is broken on purpose: the simulation must see each of them. */
import { expect, test } from 'vitest'
import { plants } from '#test/support/sim/mutations.ts'
import { runWorld } from '#test/support/sim/world.ts'

const seedsMost = 100

test.each(Object.keys(plants))('a world in which %s fails', async (name) => {
  const mutation = plants[name]
  for (let seed = 1; seed <= seedsMost; seed++) {
    const { faults } = await runWorld({ seed, requests: 40, mutation })
    if (faults.length > 0) return
  }
  expect.unreachable(`${seedsMost} seeds found nothing wrong`)
})
