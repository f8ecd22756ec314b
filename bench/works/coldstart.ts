/**
 * From the start of a node's process to its being ready, in a realm that exists and is empty. It
 * is the program that users start and no part of it, so that parsing and loading count as they do
 * for them, with the compiled code that an earlier start left in the cache.
 */
import { dirname } from 'node:path'
import type { Access } from '#bench/access.ts'
import { measureBoot } from '#bench/boot.ts'
import { median } from '#bench/figures.ts'
import { shippedLauncher, startShipped } from '#bench/shipped.ts'
import type { Work } from '#bench/work.ts'

async function startToReady(launcher: string, access: Access): Promise<number> {
  const node = await startShipped(launcher, access)
  await node.stop()
  return node.readyAt - node.startedAt
}

export const coldstart: Work = {
  name: 'coldstart',
  title: 'from a start of the node to its being ready, in an empty realm',
  async run({ rounds, openGround, note }) {
    await using ground = await openGround()
    const { access } = ground
    const launcher = await shippedLauncher(dirname(access.dir))
    const took: number[] = []
    // The first makes the realm and fills the cache of compiled code, and does not count.
    for (let round = 0; round <= rounds; round++) {
      const ms = await startToReady(launcher, access)
      if (round === 0) continue
      took.push(ms)
      note(`  round ${round}: ${ms.toFixed(0)} ms`)
    }
    const raw = await measureBoot(access.dir, rounds)
    return [{ value: median(took), unit: 'ms', better: 'less', target: 300, raw }]
  },
}
