/** W3: SIGKILL of the node in the middle of W1, restart on the same directory. */
import { measureBoot } from '#bench/boot.ts'
import { median } from '#bench/figures.ts'
import { verifyCounters } from '#bench/flow.ts'
import type { Ground } from '#bench/ground.ts'
import type { Raw, Work } from '#bench/work.ts'

const keys = 1000

export const w3: Work = {
  name: 'w3',
  title: 'a node killed in the middle of W1, from its restart to the first event processed',
  async run({ rounds, quick, openGround, note }) {
    const took: number[] = []
    let raw: Raw | undefined
    for (let round = 0; round < rounds; round++) {
      await using ground = await openGround()
      took.push(await killAndRestart(ground, quick ? 10_000 : 50_000))
      raw ??= await measureBoot(ground.access.dir, rounds)
      note(
        `  round ${round + 1}: ${took.at(-1)?.toFixed(0)} ms, a bare process ${raw.value.toFixed(0)} ms; nothing lost, nothing twice`,
      )
    }
    return [{ value: median(took), unit: 'ms', better: 'less', target: 1000, raw }]
  },
}

/** The senders go on throughout; what they sent is all there afterwards, each once. */
async function killAndRestart(ground: Ground, events: number): Promise<number> {
  const node = await ground.openNode()
  const sender = await ground.openSender()
  const sending = sender.call('count', { events, keys, first: 0, window: 512 })
  await node.call('steps', Math.floor(events * 0.4))
  await node.kill()

  const again = ground.bareNode()
  await again.call('open', { access: ground.access })
  const { at } = await again.call('steps', 1)
  await sending
  await again.call('drained', null)
  await verifyCounters(ground, { keys, events })
  const { firstAt } = await again.call('count', null)
  return Math.min(at, firstAt) - again.startedAt
}
