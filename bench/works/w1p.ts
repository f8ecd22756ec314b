/** W1p: W1 where every acknowledgement waits for an fsync; senders share one by sending together. */
import { measureFlow } from '#bench/flow.ts'
import type { Work } from '#bench/work.ts'

export const w1p: Work = {
  name: 'w1p',
  title: 'the same with durability power: on disk before any acknowledgement',
  async run({ rounds, quick, openGround, note }) {
    await using ground = await openGround('power')
    const flow = { events: quick ? 5_000 : 20_000, keys: 1000, window: 512, rounds, senders: 'client' as const, note }
    const { rate, raw } = await measureFlow(ground, flow)
    return [{ value: rate, unit: 'events/s', better: 'more', target: 8_000, raw: { name: 'batches', value: raw } }]
  },
}
