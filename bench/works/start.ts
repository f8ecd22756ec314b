/** From the start of a node's process to the first event, on a realm that knows 100,000 actors. */
import { measureBoot } from '#bench/boot.ts'
import { median } from '#bench/figures.ts'
import { populate } from '#bench/populated.ts'
import type { Work } from '#bench/work.ts'

export const start: Work = {
  name: 'start',
  title: 'from a start of the node to its first event, in a realm of 100,000 actors',
  async run({ rounds, quick, openGround, note }) {
    await using ground = await openGround()
    await populate(ground, quick ? 5_000 : 100_000)
    const sender = await ground.openSender()
    const took: number[] = []
    for (let round = 0; round < rounds; round++) {
      // It waits on the log when the node comes.
      await sender.call('one', `${round}`)
      await using node = await ground.openNode()
      await node.call('steps', 1)
      const { firstAt } = await node.call('count', null)
      took.push(firstAt - node.startedAt)
      note(`  round ${round + 1}: ${took.at(-1)?.toFixed(0)} ms`)
    }
    const raw = await measureBoot(ground.access.dir, rounds)
    return [{ value: median(took), unit: 'ms', better: 'less', target: 1000, raw }]
  },
}
