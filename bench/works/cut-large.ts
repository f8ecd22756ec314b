/** Cuts of 200,000 actors of 1 KB while W1 goes on: the first holds all of them, the second what changed. */
import { tmpdir } from 'node:os'
import { measureBoot } from '#bench/boot.ts'
import { fillBoxes } from '#bench/boxes.ts'
import { rateOf } from '#bench/node-window.ts'
import { pour } from '#bench/pour.ts'
import { pause, type Work } from '#bench/work.ts'

const keys = 1000
/** The longest pause of ten seconds is longer than that of three. */
const beforeMs = 10_000
const warmMs = 3_000

export const cutLarge: Work = {
  name: 'cutlarge',
  title: 'cuts of 200,000 actors of 1 KB under the load of W1, the second with 1 % of them changed',
  async run({ rounds, quick, openGround, note }) {
    // While nothing else runs here.
    const raw = await measureBoot(tmpdir(), rounds)
    const actors = quick ? 20_000 : 200_000
    await using ground = await openGround()
    const node = await ground.openNode({ cuts: true })
    const [filler, sender] = [await ground.openSender(), await ground.openSender()]
    await fillBoxes({ node, sender: filler }, actors)
    const pouring = await pour({ node, sender }, keys)
    await pause(warmMs)
    await node.call('window', null)
    await pause(beforeMs)
    const before = await node.call('window', null)
    const first = await node.call('cut', 'first')
    const during = await node.call('window', null)
    const tell = (what: string, one: typeof first): void =>
      note(
        `  ${what}: recorded in ${one.recordedMs.toFixed(0)} ms, whole in ${one.wholeMs.toFixed(0)} ms, ${one.actors} actors, ${one.inFlight} in flight, ${one.added} bytes`,
      )
    tell('first', first)
    note(
      `  ${Math.round(rateOf(before))}/s before, ${Math.round(rateOf(during))}/s during; p99 ${before.p99.toFixed(1)} and ${during.p99.toFixed(1)} ms; pause ${before.pauseMs.toFixed(0)} and ${during.pauseMs.toFixed(0)} ms`,
    )
    await pouring.stop()
    // A hundredth of them, spread over all partitions, and nothing else: the counters rest.
    await node.call('drained', null)
    const calm = await node.call('cut', 'calm')
    tell('calm', calm)
    await fillBoxes({ node, sender: filler }, actors / 100)
    const second = await node.call('cut', 'second')
    tell('second', second)
    return [
      { value: first.wholeMs / 1000, unit: 's', better: 'less', target: 10, raw },
      { part: 'recorded', value: first.recordedMs, unit: 'ms', better: 'less', target: 1000, raw },
      {
        part: 'pause',
        value: Math.max(0, during.pauseMs - before.pauseMs),
        unit: 'ms more',
        better: 'less',
        target: 50,
      },
      { part: 'throughput', value: rateOf(during) / rateOf(before), unit: 'of before', better: 'more', target: 0.8 },
      { part: 'second', value: (second.added / first.added) * 100, unit: '% of bytes', better: 'less', target: 5 },
    ]
  },
}
