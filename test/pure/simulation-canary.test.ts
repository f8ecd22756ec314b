/** Worlds in which one rule of the log is broken on purpose: the simulation must see each of them. */
import { expect, test } from 'vitest'
import { everything } from '#test/support/sim/everything.ts'
import { plants } from '#test/support/sim/mutations.ts'
import { runWorld } from '#test/support/sim/world.ts'

const seedsMost = 25

test.each(Object.keys(plants))('a world in which %s fails', async (name) => {
  const mutation = plants[name]
  for (let seed = 1; seed <= seedsMost; seed++) {
    const { faults } = await runWorld({ seed, workloads: () => everything(30), mutation })
    if (faults.length > 0) return
  }
  expect.unreachable(`${seedsMost} seeds found nothing wrong`)
})
