/** A server of three dies or stops under load: nothing is lost, and the gap is the election of JetStream and little more. */
import { setTimeout as pause } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { streamOf } from '#protocol/realm.ts'
import { worstOf } from '#test/nemesis/hearing.ts'
import { expectSoon, expectWell } from '#test/nemesis/laws.ts'
import { type NemesisWorld, openNemesisWorld } from '#test/nemesis/world.ts'
import type { TestNats } from '#test/support/nats.ts'

/** Compiled in: 4 to 9 s until a leader is missed. */
const electionMs = 9000

/** What is promised of a planned stop where a partition of this load commits at least every `usualMs`. */
const plannedMs = 300
const usualMs = 100
const stops = 5

async function begin(): Promise<NemesisWorld> {
  const world = await openNemesisWorld({ seed: 30, servers: 3, eventsPerSecond: 300 })
  await expectSoon(world.settled(), world, 'three nodes share the partitions')
  world.begin()
  await pause(3000)
  return world
}

/** The longest time that a partition was not served. */
async function silenceAfter(world: NemesisWorld, strike: () => Promise<void>): Promise<number> {
  const struckAt = Date.now()
  await strike()
  await pause(2000)
  await expectSoon(
    world.until(
      () =>
        world.hearing.silences(Date.now() - 500, Date.now()).size === world.partitions &&
        world.hearing.end > Date.now() - 300,
    ),
    world,
    'the log goes on',
  )
  await pause(1000)
  return worstOf(world.hearing.silences(struckAt, world.hearing.end))
}

test.for(['follower', 'leader'] as const)(
  'a %s is killed: no loss, and the gap is what the election takes',
  async (which, { annotate }) => {
    await using world = await begin()
    const leader = await world.servers.leaderOf(streamOf(world.bus.realm))
    const victim = which === 'leader' ? leader : (world.servers.all.find((one) => one !== leader) as TestNats)
    const silentMs = await silenceAfter(world, () => victim.kill())
    await victim.restart()
    await expectSoon(world.settled(60_000), world, 'three nodes share the partitions again')
    await expectWell(world)
    await annotate(`a ${which} is killed: silent for ${silentMs} ms`, 'measured')
    expect(silentMs).toBeLessThan(electionMs + 1000)
  },
)

test('the leader stops as planned: no loss, and hardly a gap', async ({ annotate }) => {
  await using world = await begin()
  const stream = streamOf(world.bus.realm)
  const [silencesMs, usualsMs]: [number[], number[]] = [[], []]
  for (let at = 0; at < stops; at++) {
    // How long a partition rests when nothing happens says how slow this machine is just now.
    usualsMs.push(worstOf(world.hearing.silences(Date.now() - 2000, world.hearing.end)))
    const leader = await world.servers.leaderOf(stream)
    silencesMs.push(await silenceAfter(world, () => leader.quit()))
    await leader.restart()
    await world.servers.inStep(stream)
    await expectSoon(world.settled(60_000), world, 'three nodes share the partitions again')
    await pause(2000)
  }
  await expectWell(world)
  const [silentMs, restMs] = [medianOf(silencesMs), medianOf(usualsMs)]
  const limitMs = plannedMs * Math.max(1, restMs / usualMs)
  await annotate(
    `${stops} planned stops of the leader: silent for ${silencesMs.join(', ')} ms, else for ${usualsMs.join(', ')} ms`,
    'measured',
  )
  expect(silentMs).toBeLessThan(limitMs)
})

const medianOf = (all: readonly number[]): number => all.toSorted((a, b) => a - b)[all.length >> 1] ?? 0
