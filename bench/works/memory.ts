/** What a node holds in memory: at rest, for actors it knows of, for actors that are awake. */
import { populate, restMs } from '#bench/populated.ts'
import type { Ground } from '#bench/ground.ts'
import { pause, requireEqual, type Work } from '#bench/work.ts'

const megabyte = 1_000_000

export const memory: Work = {
  name: 'memory',
  title: 'resident memory of a node: at rest, with 100,000 known actors, with 10,000 awake',
  async run({ quick, openGround, note }) {
    await using ground = await openGround()
    const known = quick ? 10_000 : 100_000
    const awake = quick ? 1_000 : 10_000
    const idle = await atRest(ground)
    await populate(ground, known)
    const withKnown = await atRest(ground)
    const withAwake = await awakeBytes(ground, awake)
    const each = (withAwake - withKnown) / awake
    note(
      `  ${megabytes(idle)} at rest, ${megabytes(withKnown)} with ${known} known, ${megabytes(withAwake)} with ${awake} awake`,
    )
    return [
      { value: idle / megabyte, unit: 'MB', better: 'less', target: 120 },
      { part: 'known', value: Math.max(0, withKnown - idle) / megabyte, unit: 'MB', better: 'less', target: 40 },
      { part: 'awake', value: Math.max(0, each) / 1000, unit: 'KB each', better: 'less', target: 10 },
    ]
  },
}

async function atRest(ground: Ground): Promise<number> {
  await using node = await ground.openNode()
  await pause(restMs)
  return (await node.call('usage', null)).rss
}

async function awakeBytes(ground: Ground, awake: number): Promise<number> {
  // So many at most, and none forgotten while it is looked at.
  await using node = await ground.openNode({
    flags: { 'actors-idle-ms': '600000', 'actors-resident-most': String(awake * 2) },
  })
  await using sender = await ground.openSender()
  await sender.call('count', { events: awake, keys: awake, first: 0, window: 512 })
  await node.call('steps', awake)
  await node.call('drained', null)
  await pause(restMs)
  requireEqual('actors in memory', await node.call('residents', null), awake)
  return (await node.call('usage', null)).rss
}

function megabytes(bytes: number): string {
  return `${(bytes / megabyte).toFixed(1)} MB`
}
