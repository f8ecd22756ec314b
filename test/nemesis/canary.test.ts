/** Each law of the nemesis with a bug planted that breaks it: whoever judges must see it, and say what it is. */
import { setTimeout as pause } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { foldFaults } from './folds.ts'
import { expectSoon, ownedBy, takenOver } from './laws.ts'
import type { Member } from './member.ts'
import { type NemesisWorld, openNemesisWorld } from './world.ts'

const everybody = (plant: string): Readonly<Record<string, string>> => ({ a: plant, b: plant, c: plant })

/** What is sent goes beside its record, where the planted bugs find it. */
const flags = { 'commit-cheap-most': '0' }

async function struckWorld(plants: Readonly<Record<string, string>>): Promise<NemesisWorld> {
  const world = await openNemesisWorld({ seed: 4, eventsPerSecond: 400, plants, flags })
  await expectSoon(world.settled(), world, 'three nodes share the partitions')
  world.begin()
  await pause(700)
  return world
}

/** What a broken realm was asked may never be answered. */
async function faultsOf(world: NemesisWorld): Promise<string> {
  await world.calm(3000)
  const { faults } = await world.rest(1000)
  return faults.join('\n')
}

test('without the fence a node that stood still is seen to write on', async () => {
  await using world = await struckWorld({ b: 'nobody is fenced' })
  const owned = ownedBy(world, 'b')
  const sleeper = world.members.get('b') as Member
  const struckAt = Date.now()
  await sleeper.freeze()
  await expectSoon(takenOver(world, owned, struckAt), world, 'others serve what it had')
  sleeper.thaw()
  expect(await world.until(() => world.faults().some((fault) => fault.startsWith('stale write')), 10_000)).toBe(true)
})

const deaths = [
  ['what a commit sent is forgotten', / 0 times|instead of 1 to/],
  ['an event is taken twice', /twice: pulse/],
  ['events of one sender change places', /pulse\/\d+ was out of order/],
] as const

test.each(deaths)('a death in a world in which %s is seen', async (plant, fault) => {
  await using world = await struckWorld(everybody(plant))
  const victim = world.members.get('a') as Member
  await victim.kill()
  victim.start()
  await pause(1500)
  expect(await faultsOf(world)).toMatch(fault)
})

test('a standby whose disk forgets one kind is seen to differ', async () => {
  await using world = await struckWorld({ b: 'a disk forgets one kind' })
  await world.calm(10_000)
  expect((await foldFaults(world)).join('\n')).toMatch(/differs between/)
})
