/** W2a: one token around 100 actors; what a hop costs when nothing else waits. */
import { median } from '#bench/figures.ts'
import { measureHops } from '#bench/hop.ts'
import type { Work } from '#bench/work.ts'

export const w2a: Work = {
  name: 'w2a',
  title: 'one token around 100 actors, from step to step',
  async run({ rounds, quick, openGround, note }) {
    await using ground = await openGround()
    const hops = quick ? 1_000 : 10_000
    const measured = await measureHops(ground, { tokens: 1, hops, rounds, note })
    const raw = { name: 'hop' as const, value: median(measured.map((one) => one.rawP50)) }
    return [{ value: median(measured.map((one) => one.p50)), unit: 'ms p50', better: 'less', raw, ratioTarget: 2.5 }]
  },
}
