/** Waking an idle actor: from the send to the commit of the step that it led to. */
import { median, quantile } from '#bench/figures.ts'
import { hopBytes } from '#bench/hop.ts'
import { populate } from '#bench/populated.ts'
import { requireEqual, type Work } from '#bench/work.ts'

export const wake: Work = {
  name: 'wake',
  title: 'an event to an actor that is not in memory, until its step is committed',
  async run({ rounds, quick, openGround, note }) {
    await using ground = await openGround()
    const actors = quick ? 1_000 : 10_000
    const wakes = quick ? 100 : 1_000
    await populate(ground, actors)
    // A fresh process has no actor in memory, so each first event wakes one.
    const node = await ground.openNode()
    const sender = await ground.openSender()
    const raw = await ground.openRaw()
    await raw.call('makeStream', null)

    const p50: number[] = []
    const p99: number[] = []
    const hop: number[] = []
    let next = 0
    for (let round = 0; round < rounds; round++) {
      const { took } = await raw.call('hops', { count: wakes, flight: 1, bytes: hopBytes })
      hop.push(median(took))
      const woken: number[] = []
      for (let nth = 0; nth < wakes; nth++) {
        const { begunAt } = await sender.call('one', `${next++}`)
        woken.push((await node.call('steps', next)).at - begunAt)
      }
      p50.push(median(woken))
      p99.push(quantile(woken, 0.99))
      note(`  round ${round + 1}: p50 ${p50.at(-1)?.toFixed(2)} ms, p99 ${p99.at(-1)?.toFixed(2)} ms`)
    }
    requireEqual('actors in memory', await node.call('residents', null), next)
    const bare = { name: 'hop' as const, value: median(hop) }
    return [
      { value: median(p50), unit: 'ms p50', better: 'less', target: 2, raw: bare },
      { part: 'p99', value: median(p99), unit: 'ms p99', better: 'less', target: 10, raw: bare },
    ]
  },
}
