/** A cut of a realm in whose mailboxes a million envelopes wait: recorded at once, by reference, and copied in bounded memory. */
import { tmpdir } from 'node:os'
import { measureBoot } from '#bench/boot.ts'
import { requireEqual, type Work } from '#bench/work.ts'

const keys = 1000

export const cutQueue: Work = {
  name: 'cutqueue',
  title: 'a cut with 1,000,000 envelopes queued in the mailboxes',
  async run({ rounds, quick, openGround, note }) {
    // While nothing else runs here.
    const raw = await measureBoot(tmpdir(), rounds)
    const events = quick ? 50_000 : 1_000_000
    await using ground = await openGround()
    {
      // It makes the realm, and goes.
      await using node = await ground.openNode({ cuts: true })
      await node.call('drained', null)
    }
    const sender = await ground.openSender()
    await sender.call('count', { events, keys, first: 0, window: 1024 })
    const node = await ground.openNode({ cuts: true })
    const before = await node.call('usage', null)
    const figures = await node.call('cut', 'full')
    const after = await node.call('usage', null)
    requireEqual('events counted and in flight', (await node.call('counted', figures.id)) + figures.inFlight, events)
    note(
      `  ${figures.inFlight} in flight, whole in ${figures.wholeMs.toFixed(0)} ms, ${figures.added} bytes; memory ${(before.rss / 1e6).toFixed(0)} MB before, ${(after.rss / 1e6).toFixed(0)} MB after`,
    )
    return [
      { value: figures.recordedMs, unit: 'ms', better: 'less', target: 1000, raw },
      { part: 'reference', value: figures.referenceBytes / 1e6, unit: 'MB', better: 'less', target: 1 },
    ]
  },
}
