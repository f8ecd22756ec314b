/** A node of three stands still for ten seconds under load and wakes up: it writes nothing more and lets go of what is another's. */
import { setTimeout as pause } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { worstOf } from './hearing.ts'
import { expectSoon, expectWell, ownedBy, takenOver } from './laws.ts'
import type { Member } from './member.ts'
import { openNemesisWorld } from './world.ts'

const stillMs = 10_000

test('a node that stood still for ten seconds writes nothing stale, finds out and lets go, and takes its share again', async ({
  annotate,
}) => {
  await using world = await openNemesisWorld({ seed: 2, eventsPerSecond: 600 })
  await expectSoon(world.settled(), world, 'three nodes share the partitions')
  world.begin()
  await pause(500)
  const sleeper = world.members.get('b') as Member
  const owned = ownedBy(world, 'b')
  expect(owned.length).toBe(2)
  const struckAt = Date.now()
  await sleeper.freeze()
  await expectSoon(takenOver(world, owned, struckAt), world, 'what it had is served by others')
  const silentMs = worstOf(world.hearing.silences(struckAt, world.hearing.end))
  await pause(Math.max(0, struckAt + stillMs - Date.now()))
  const from = sleeper.lines.length
  const wokenAt = Date.now()
  sleeper.thaw()
  const lost = new Map<number, number>()
  await expectSoon(
    world.until(() => {
      for (const { is, partition, at } of sleeper.lines.slice(from))
        if (is === 'partition.lost') lost.set(partition as number, at)
      return owned.every((partition) => lost.has(partition))
    }),
    world,
    'it lets go of what it had',
  )
  const letGoMs = Math.max(...lost.values()) - wokenAt
  await expectSoon(world.settled(), world, 'it takes its share again')
  await expectWell(world)
  await annotate(
    `a node stood still for ${stillMs} ms: its partitions were served again after ${silentMs} ms, and it let go ${letGoMs} ms after it woke`,
    'measured',
  )
  // Standing still it answers no ping and its connection stands: it is given up by its silence.
  expect(silentMs).toBeLessThan(3000)
  // As for one that is cut off. Nothing of it is taken meanwhile: that is what the laws above are held against.
  expect(letGoMs).toBeLessThan(3000)
})
