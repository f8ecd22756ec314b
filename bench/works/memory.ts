/** What a node holds in memory: at rest, for actors it knows of, for actors that are awake. */
import { dirname } from 'node:path'
import { median } from '#bench/figures.ts'
import type { Ground } from '#bench/ground.ts'
import { populate, restMs } from '#bench/populated.ts'
import { shippedLauncher, startShipped } from '#bench/shipped.ts'
import { pause, requireEqual, type Work } from '#bench/work.ts'

const megabyte = 1_000_000
const fewActors = 100

export const memory: Work = {
  name: 'memory',
  title: 'resident memory of a node: at rest, with 100,000 known actors, with 10,000 awake',
  async run({ rounds, quick, openGround, note }) {
    await using ground = await openGround()
    const known = quick ? 10_000 : 100_000
    const awake = quick ? 1_000 : 10_000
    const shipped = await shippedAtRest(ground, rounds)
    const idle = await atRest(ground, rounds)
    await populate(ground, known)
    const withKnown = await atRest(ground, rounds)
    const { few, all } = await whenAwake(ground, awake)
    const each = (all - few) / (awake - fewActors)
    note(
      `  ${megabytes(shipped)} at rest as users start it; from the sources, whose types are stripped while they load:`,
    )
    note(`  ${megabytes(idle)} at rest, ${megabytes(withKnown)} with ${known} known`)
    note(`  after work on ${fewActors} actors ${megabytes(few)}, on ${awake} ${megabytes(all)}`)
    return [
      { value: shipped / megabyte, unit: 'MB', better: 'less', target: 120 },
      { part: 'known', value: Math.max(0, withKnown - idle) / megabyte, unit: 'MB', better: 'less', target: 40 },
      { part: 'awake', value: Math.max(0, each) / 1000, unit: 'KB each', better: 'less', target: 10 },
    ]
  },
}

async function shippedAtRest({ access }: Ground, rounds: number): Promise<number> {
  const launcher = await shippedLauncher(dirname(access.dir))
  const found: number[] = []
  // The first makes the realm and fills the cache of compiled code.
  for (let round = 0; round <= rounds; round++) {
    const node = await startShipped(launcher, access)
    await pause(restMs)
    if (round > 0) found.push(node.memory())
    await node.stop()
  }
  return median(found)
}

/** The median of several starts: the first after much work reads its last records, which are large. */
async function atRest(ground: Ground, rounds: number): Promise<number> {
  const found: number[] = []
  for (let round = 0; round < rounds; round++) {
    await using node = await ground.openNode()
    await pause(restMs)
    found.push((await node.call('usage', null)).rss)
  }
  return median(found)
}

/**
 * The same number of events twice: on a few actors, then on as many as shall be awake. The first
 * time the heap grows to what such work needs; what the second adds are the actors.
 */
async function whenAwake(ground: Ground, awake: number): Promise<{ readonly few: number; readonly all: number }> {
  // So many at most, and none forgotten while it is looked at.
  await using node = await ground.openNode({
    flags: { 'actors-idle-ms': '600000', 'actors-resident-most': String(awake * 2) },
  })
  await using sender = await ground.openSender()
  const work = async (keys: number, times: number): Promise<number> => {
    const before = await node.call('count', null)
    await sender.call('count', { events: awake * times, keys, first: 0, window: 512 })
    await node.call('steps', before.committed + awake * times)
    await node.call('drained', null)
    await pause(restMs)
    requireEqual('actors in memory', await node.call('residents', null), keys)
    return (await node.call('usage', null)).rss
  }
  const few = await work(fewActors, 5)
  return { few, all: await work(awake, 1) }
}

function megabytes(bytes: number): string {
  return `${(bytes / megabyte).toFixed(1)} MB`
}
