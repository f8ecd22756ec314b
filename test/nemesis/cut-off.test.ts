/** Three machines with a server and a node each, and one of them is cut off for fifteen seconds. */
import { setTimeout as pause } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { partsOf, streamOf } from '#protocol/realm.ts'
import { skipBecause } from '#test/support/skip.ts'
import { worstOf } from './hearing.ts'
import { whyNoHosts } from './hosts.ts'
import { expectSoon, expectWell, ownedBy, takenOver } from './laws.ts'
import type { Member } from './member.ts'
import { openNemesisWorld } from './world.ts'

const cutMs = 15_000
/** Compiled in: 4 to 9 s. */
const electionMs = 9000

test('of a network that is cut in two the smaller part lets go within 3 s, the larger serves, and healed all disks say the same', async (context) => {
  const why = whyNoHosts()
  if (why !== undefined) skipBecause(context, why)
  await using world = await openNemesisWorld({ seed: 3, servers: 3, onHosts: true, eventsPerSecond: 300 })
  await expectSoon(world.settled(), world, 'three nodes share the partitions')
  world.begin()
  await pause(1000)
  // A machine whose server does not lead: what is measured is ours, and not the election of the log.
  const leader = world.servers.all.indexOf(await world.servers.leaderOf(streamOf(world.bus.realm)))
  const at = leader === 1 ? 2 : 1
  const [name, minority] = [...world.members][at] as [string, Member]
  const owned = ownedBy(world, name)
  const [host, from] = [world.servers.hosts?.hosts[at], minority.lines.length]
  world.tell(`cut ${name} off`)
  const struckAt = Date.now()
  host?.cutOff()
  const led = world.servers.led(partsOf(world.bus.realm)).then(() => Date.now() - struckAt)
  await expectSoon(takenOver(world, owned, struckAt), world, 'the majority serves what it had')
  const silentMs = worstOf(world.hearing.silences(struckAt, world.hearing.end))
  const hasLetGo = (): boolean =>
    owned.every((partition) =>
      minority.lines.slice(from).some((line) => line.is === 'partition.lost' && line['partition'] === partition),
    )
  const letGo = await world.until(hasLetGo, cutMs)
  const letGoMs =
    Math.max(...minority.lines.slice(from).map((line) => (line.is === 'partition.lost' ? line.at : 0))) - struckAt
  await pause(Math.max(0, struckAt + cutMs - Date.now()))
  host?.heal()
  world.tell('healed')
  await expectSoon(world.settled(), world, 'it takes its share again')
  await expectWell(world)
  await context.annotate(
    `cut off by ${world.servers.hosts?.by}: served by the majority after ${silentMs} ms (JetStream led again after ${await led} ms), let go by the minority after ${letGo ? letGoMs : 'never'} ms`,
    'measured',
  )
  // New readers wait for whoever leads JetStream as a whole, new owners for the leader of the registry too, and
  // one of these may have been cut off; of two who would lead, both may get one vote, and choose once more.
  expect(silentMs).toBeLessThan(Math.max(electionMs, await led) + 2000)
  expect(letGo && letGoMs).toBeLessThan(3000)
})
