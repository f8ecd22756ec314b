/**
 * All partitions of a node with 100,000 actors move to another one while events keep coming. The
 * pause of a partition lasts from the last commit of the old owner to the first one of the new.
 */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { boxBytes, fillBoxes, verifyBoxes } from '#bench/boxes.ts'
import { quantile } from '#bench/figures.ts'
import type { Ground } from '#bench/ground.ts'
import type { Program } from '#bench/program.ts'
import type { NodeCalls, Stay } from '#bench/programs/node.ts'
import { pause, type Work } from '#bench/work.ts'

const dayMs = 86_400_000
const mostMs = 120_000

type Pause = {
  readonly ms: number
  /** From the last commit until it was given up, then until it was claimed, then until the first commit. */
  readonly giving: number
  readonly claiming: number
  readonly opening: number
}

export const handover: Work = {
  name: 'handover',
  title: 'the pause of a partition that moves between nodes, 100,000 actors in all, under steady load',
  async run({ rounds, quick, openGround, note }) {
    const all: Pause[] = []
    for (let round = 0; round < Math.min(rounds, 3); round++) {
      await using ground = await openGround()
      const pauses = await moveAll(ground, quick ? 10_000 : 100_000)
      all.push(...pauses)
      const medianOf = (of: keyof Pause): string =>
        quantile(
          pauses.map((one) => one[of]),
          0.5,
        ).toFixed(0)
      const [worst] = pauses.toSorted((a, b) => b.ms - a.ms)
      note(
        `  round ${round + 1}: ${pauses.length} moves, p50 ${medianOf('ms')} ms, most ${Math.max(...pauses.map(({ ms }) => ms)).toFixed(0)} ms; giving ${medianOf('giving')}, claiming ${medianOf('claiming')}, opening ${medianOf('opening')} ms (p50); the longest ${worst?.giving.toFixed(0)}, ${worst?.claiming.toFixed(0)} and ${worst?.opening.toFixed(0)} ms`,
      )
    }
    const pauses = all.map(({ ms }) => ms)
    return [
      { value: Math.max(...pauses), unit: 'ms most', better: 'less', target: 500 },
      { part: 'p50', value: quantile(pauses, 0.5), unit: 'ms', better: 'less', target: 250 },
    ]
  },
}

async function moveAll(ground: Ground, actors: number): Promise<readonly Pause[]> {
  const first = await ground.openNode({ flags: { name: 'first' } })
  const sender = await ground.openSender()
  // All of them wait for an instant far off, as many actors do.
  await fillBoxes({ node: first, sender }, actors, dayMs)
  const dir = join(ground.access.dir, 'second')
  await mkdir(dir)

  const dripping = sender.call('drip', { perSecond: 1000, keys: actors, bytes: boxBytes })
  const second = ground.bareNode()
  await second.call('open', { access: { ...ground.access, dir }, flags: { name: 'second' } })
  await until(async () => (await second.call('owned', null)).partitions > 0)
  await pause(2000)
  await first.call('leave', null)
  await until(async () => {
    const { partitions, of } = await second.call('owned', null)
    return partitions === of
  })
  await until(async () => (await second.call('stays', null)).every(([, { firstAt }]) => firstAt > 0))
  await sender.call('hush', null)
  const sent = await dripping
  await second.call('drained', null)
  await verifyBoxes(ground, actors, sent)
  return await pausesOf(first, second)
}

async function pausesOf(from: Program<NodeCalls>, to: Program<NodeCalls>): Promise<readonly Pause[]> {
  const before = new Map<number, Stay>(await from.call('stays', null))
  return (await to.call('stays', null)).flatMap(([partition, now]) => {
    const was = before.get(partition)
    if (was === undefined || was.releasedAt === 0) return []
    return {
      ms: now.firstAt - was.lastAt,
      giving: was.releasedAt - was.lastAt,
      claiming: now.claimedAt - was.releasedAt,
      opening: now.firstAt - now.claimedAt,
    }
  })
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + mostMs; !(await isSo()); await pause(50))
    if (Date.now() > end) throw new Error(`it has not come about within ${mostMs / 1000} s`)
}
