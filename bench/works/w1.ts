/** W1: 1,000 counters, external senders in another process, state committed before it counts. */
import { measureFlow } from '#bench/flow.ts'
import type { Work } from '#bench/work.ts'

export const w1: Work = {
  name: 'w1',
  title: 'events from another process to 1,000 counters, each committed',
  async run({ rounds, quick, openGround, note }) {
    await using ground = await openGround()
    const events = quick ? 5_000 : 50_000
    const flow = { events, keys: 1000, window: 512, warmUp: events, rounds, batches: false, note }
    const { rate, raw } = await measureFlow(ground, flow)
    return [
      { value: rate, unit: 'events/s', better: 'more', target: 25_000, raw: { name: 'pipeline', value: raw }, ratioTarget: 0.4 },
    ]
  },
}
