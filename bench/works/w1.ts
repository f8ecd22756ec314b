/** W1: 1,000 counters, external senders in another process, state committed before it counts. */
import { measureFlow } from '#bench/flow.ts'
import type { Work } from '#bench/work.ts'

export const w1: Work = {
  name: 'w1',
  title: 'events from another process to 1,000 counters, each committed',
  async run({ rounds, quick, openGround, note }) {
    const flow = { events: quick ? 5_000 : 50_000, keys: 1000, window: 512, rounds, note }
    const client = await openGround().then(async (opened) => {
      await using ground = opened
      return await measureFlow(ground, { ...flow, senders: 'client' })
    })
    note('  senders that are plain NATS clients and publish JSON:')
    await using ground = await openGround()
    const bare = await measureFlow(ground, { ...flow, senders: 'bare' })
    const wanted = { unit: 'events/s', better: 'more', target: 25_000, ratioTarget: 0.4 } as const
    return [
      { ...wanted, value: client.rate, raw: { name: 'pipeline', value: client.raw } },
      { ...wanted, part: 'bare', value: bare.rate, raw: { name: 'bare', value: bare.raw } },
    ]
  },
}
