/** W1 with a cut every ten seconds and without any, turn about on one node. */
import { median } from '#bench/figures.ts'
import { verifyCounters } from '#bench/flow.ts'
import { rateOf } from '#bench/node-window.ts'
import { pour } from '#bench/pour.ts'
import { pause, type Work } from '#bench/work.ts'

const keys = 1000

export const cutEvery: Work = {
  name: 'cutevery',
  title: 'events of W1 with a cut every ten seconds, against none',
  async run({ rounds, quick, openGround, note }) {
    const stretchMs = quick ? 2000 : 10_000
    await using ground = await openGround()
    const node = await ground.openNode({ cuts: true })
    const sender = await ground.openSender()
    const pouring = await pour({ node, sender }, keys)
    await pause(2000)
    const shares: number[] = []
    const stretch = async (isCut: boolean): Promise<number> => {
      await node.call('window', null)
      const ending = pause(stretchMs)
      if (isCut) await node.call('cut', 'now and then')
      await ending
      return rateOf(await node.call('window', null))
    }
    for (let round = 0; round < rounds; round++) {
      const [none, some] = [await stretch(false), await stretch(true)]
      shares.push(some / none)
      note(`  round ${round + 1}: ${Math.round(none)}/s without, ${Math.round(some)}/s with a cut`)
    }
    const events = await pouring.stop()
    await node.call('drained', null)
    await verifyCounters(ground, { keys, events })
    return [{ value: median(shares), unit: 'of none', better: 'more', target: 0.9 }]
  },
}
