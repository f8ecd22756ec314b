/** A cut of 1,000 counters at saturation: how long it takes, and what it costs the events that go on meanwhile. */
import { tmpdir } from 'node:os'
import { measureBoot } from '#bench/boot.ts'
import { median } from '#bench/figures.ts'
import { verifyCounters } from '#bench/flow.ts'
import { rateOf } from '#bench/node-window.ts'
import { pour } from '#bench/pour.ts'
import { pause, type Work } from '#bench/work.ts'

const keys = 1000
const warmMs = 2000
const beforeMs = 1000

export const cut: Work = {
  name: 'cut',
  title: 'a cut of 1,000 counters at saturation, and what the events of W1 lose by it',
  async run({ rounds, quick, openGround, note }) {
    // While nothing else runs here.
    const raw = await measureBoot(tmpdir(), rounds)
    await using ground = await openGround()
    const node = await ground.openNode({ cuts: true })
    const sender = await ground.openSender()
    const pouring = await pour({ node, sender }, keys)
    await pause(quick ? warmMs / 2 : warmMs)
    const whole: number[] = []
    const shares: number[] = []
    const latencies: number[] = []
    const pauses: number[] = []
    for (let round = 0; round < (quick ? 3 : 4 * rounds); round++) {
      await node.call('window', null)
      await pause(beforeMs)
      const before = await node.call('window', null)
      const figures = await node.call('cut', `round ${round}`)
      const during = await node.call('window', null)
      whole.push(figures.wholeMs)
      shares.push(rateOf(during) / rateOf(before))
      latencies.push(during.p99 / before.p99)
      pauses.push(Math.max(0, during.pauseMs - before.pauseMs))
      note(
        `  cut ${round + 1}: whole in ${figures.wholeMs.toFixed(0)} ms (recorded ${figures.recordedMs.toFixed(0)}), ${Math.round(rateOf(before))}/s before, ${Math.round(rateOf(during))}/s during; p99 ${before.p99.toFixed(1)} and ${during.p99.toFixed(1)} ms; pause ${before.pauseMs.toFixed(0)} and ${during.pauseMs.toFixed(0)} ms; ${figures.inFlight} in flight, ${figures.added} bytes`,
      )
    }
    const events = await pouring.stop()
    await node.call('drained', null)
    await verifyCounters(ground, { keys, events })
    return [
      { value: median(whole), unit: 'ms', better: 'less', target: 1000, raw },
      { part: 'throughput', value: median(shares), unit: 'of before', better: 'more', target: 0.9 },
      { part: 'p99', value: median(latencies), unit: 'of before', better: 'less', target: 2 },
      { part: 'pause', value: median(pauses), unit: 'ms more', better: 'less', target: 50 },
    ]
  },
}
