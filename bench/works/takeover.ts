/**
 * A node dies that alone had followed the realm, and one on another machine, which has nothing of
 * it, takes over: from the death to the first event that is processed again. Its process begins
 * with the death, so that its own start is part of it; what finding out takes is not.
 */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { measureBoot } from '#bench/boot.ts'
import { againCount, fillAgain, fillBoxes, verifyBoxes } from '#bench/boxes.ts'
import { median } from '#bench/figures.ts'
import type { Ground } from '#bench/ground.ts'
import { instantMs } from '#bench/instant.ts'
import type { Raw, Work } from '#bench/work.ts'

export const takeover: Work = {
  name: 'takeover',
  title: 'a node dies, and one that never followed it takes over 100,000 actors of 1 KB, to the first event',
  async run({ rounds, quick, openGround, note }) {
    const took: number[] = []
    let raw: Raw | undefined
    for (let round = 0; round < rounds; round++) {
      await using ground = await openGround()
      took.push(await dieAndTakeOver(ground, quick ? 10_000 : 100_000))
      raw ??= await measureBoot(ground.access.dir, rounds)
      note(`  round ${round + 1}: ${took.at(-1)?.toFixed(0)} ms; every actor has what it was sent`)
    }
    return [{ value: median(took), unit: 'ms', better: 'less', target: 5000, raw }]
  },
}

async function dieAndTakeOver(ground: Ground, actors: number): Promise<number> {
  const first = await ground.openNode({ flags: { name: 'first' } })
  const sender = await ground.openSender()
  await fillBoxes({ node: first, sender }, actors)
  const dir = join(ground.access.dir, 'second')
  await mkdir(dir)

  const diedAt = instantMs()
  await first.kill()
  const sending = fillAgain(sender, actors)
  const second = ground.bareNode()
  await second.call('open', { access: { ...ground.access, dir }, flags: { name: 'second' } })
  const { at } = await second.call('steps', 1)
  await sending
  await second.call('drained', null)
  await verifyBoxes(ground, actors, againCount)
  const { firstAt } = await second.call('count', null)
  return Math.min(at, firstAt) - diedAt
}
