/** Fixed seeds of every plan of the nemesis, and a realm that grows to three nodes and shrinks again under load. */
import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { worstOf } from '#test/nemesis/hearing.ts'
import { whyNoHosts } from '#test/nemesis/hosts.ts'
import { expectSoon, expectWell } from '#test/nemesis/laws.ts'
import { isPlan, type Plan, plans } from '#test/nemesis/plans.ts'
import { broken, runPlan } from '#test/nemesis/run.ts'
import { openNemesisWorld } from '#test/nemesis/world.ts'
import { skipBecause } from '#test/support/skip.ts'

describe('fixed seeds', () => {
  test.for(Object.keys(plans).filter(isPlan))(
    'nothing is lost, twice, out of order or different by the plan %s',
    async (name, context) => {
      const plan: Plan = plans[name]
      const why = plan.world.onHosts === true ? whyNoHosts() : undefined
      if (why !== undefined) skipBecause(context, why)
      const options = { seed: 200, forMs: 15_000, eventsPerSecond: 500 }
      expect(broken(await runPlan(name, options), options)).toBe('')
    },
  )
})

test('a mending that leaves out what was folded is seen after a rollback of the log', async () => {
  const plant = 'a mending leaves an event out'
  const world = { plants: { a: plant, b: plant, c: plant } }
  const { faults } = await runPlan('rollback', { seed: 201, forMs: 2000, eventsPerSecond: 300, world, healMs: 5000 })
  expect(faults.join('\n')).toMatch(/rollback: \S+\.x\.pulse\.\d+ at \d+ was folded/)
})

test('cuts whose channels end too late are seen', async () => {
  const plant = 'a channel ends too late'
  const world = { plants: { a: plant, b: plant, c: plant } }
  const { faults } = await runPlan('cuts', { seed: 202, forMs: 3000, eventsPerSecond: 300, world, healMs: 20_000 })
  expect(faults.join('\n')).toMatch(/^cut: /m)
})

test('from one node to three and back under load no event waits longer than a second', async ({ annotate }) => {
  await using world = await openNemesisWorld({ seed: 40, nodes: 1, eventsPerSecond: 1000, pulseOnly: true })
  await expectSoon(world.settled(), world, 'one node has all partitions')
  world.begin()
  await pause(2000)
  const begunAt = Date.now()
  await world.join('b')
  await world.join('c')
  await expectSoon(world.settled(), world, 'three nodes share the partitions')
  await pause(2000)
  const sharedAt = Date.now()
  for (const name of ['b', 'c']) await world.members.get(name)?.stop()
  await expectSoon(world.settled(), world, 'one node has all partitions again')
  await pause(2000)
  const [growing, shrinking] = [
    worstOf(world.hearing.waits(begunAt, sharedAt)),
    worstOf(world.hearing.waits(sharedAt, world.hearing.end)),
  ]
  await expectWell(world, { isFollowed: false })
  await annotate(
    `the longest wait of an event while growing ${growing} ms, while shrinking ${shrinking} ms`,
    'measured',
  )
  expect(Math.max(growing, shrinking)).toBeLessThan(1000)
})
