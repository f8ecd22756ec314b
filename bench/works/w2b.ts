/** W2b: 100 tokens around 100 actors; every hop is a commit with something sent. */
import { median } from '#bench/figures.ts'
import { measureHops } from '#bench/hop.ts'
import type { Work } from '#bench/work.ts'

export const w2b: Work = {
  name: 'w2b',
  title: '100 tokens around 100 actors, each hop committed',
  async run({ rounds, quick, openGround, note }) {
    await using ground = await openGround()
    const hops = quick ? 100 : 500
    const measured = await measureHops(ground, { tokens: 100, hops, rounds, note })
    const raw = { name: 'ring' as const, value: median(measured.map((one) => one.rawRate)) }
    return [{ value: median(measured.map((one) => one.rate)), unit: 'hops/s', better: 'more', target: 20_000, raw }]
  },
}
