/** A server of three dies or stops under load: nothing is lost, and the gap is the election of JetStream and little more. */
import { setTimeout as pause } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { streamOf } from '#protocol/realm.ts'
import { foldFaults } from '#test/nemesis/folds.ts'
import { worstOf } from '#test/nemesis/hearing.ts'
import { expectSoon } from '#test/nemesis/laws.ts'
import { openNemesisWorld } from '#test/nemesis/world.ts'

/** Compiled in: 4 to 9 s until a leader is missed. */
const electionMs = 9000

const strikes = [
  ['a follower is killed', 'follower', 'kill', electionMs + 1000],
  ['the leader is killed', 'leader', 'kill', electionMs + 1000],
  ['the leader stops as planned', 'leader', 'quit', 1000],
] as const

test.for(strikes)(
  '%s: no loss, and the gap is what the election takes',
  async ([what, which, how, limitMs], { annotate }) => {
    await using world = await openNemesisWorld({ seed: 30, servers: 3, eventsPerSecond: 300 })
    await expectSoon(world.settled(), world, 'three nodes share the partitions')
    world.begin()
    await pause(3000)
    const leader = await world.servers.leaderOf(streamOf(world.bus.realm))
    const victim = which === 'leader' ? leader : world.servers.all.find((one) => one !== leader)
    const struckAt = Date.now()
    await victim?.[how]()
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
    const silentMs = worstOf(world.hearing.silences(struckAt, world.hearing.end))
    await victim?.restart()
    await expectSoon(world.settled(60_000), world, 'three nodes share the partitions again')
    expect(await world.calm()).toBe(true)
    expect((await world.rest()).faults).toEqual([])
    expect(await foldFaults(world)).toEqual([])
    await annotate(`${what}: silent for ${silentMs} ms`, 'measured')
    expect(silentMs).toBeLessThan(limitMs)
  },
)
