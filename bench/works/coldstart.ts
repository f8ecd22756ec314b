/** From the start of a node's process to its being ready, in a realm that exists and is empty. */
import { measureBoot } from '#bench/boot.ts'
import { median } from '#bench/figures.ts'
import type { Work } from '#bench/work.ts'

export const coldstart: Work = {
  name: 'coldstart',
  title: 'from a start of the node to its being ready, in an empty realm',
  async run({ rounds, openGround, note }) {
    await using ground = await openGround()
    const took: number[] = []
    // The first makes the realm and does not count.
    for (let round = 0; round <= rounds; round++) {
      await using node = ground.bareNode()
      const { readyAt } = await node.call('open', { access: ground.access })
      if (round === 0) continue
      took.push(readyAt - node.startedAt)
      note(`  round ${round}: ${took.at(-1)?.toFixed(0)} ms`)
    }
    const raw = { name: 'boot' as const, value: await measureBoot(ground.access.dir, rounds) }
    return [{ value: median(took), unit: 'ms', better: 'less', target: 300, raw }]
  },
}
