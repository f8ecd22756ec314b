/** What no cut needs any more goes, and nothing else, whatever members do and wherever they die. */
import { expect, test } from 'vitest'
import { openHistory } from '#test/support/cut-histories.ts'
import { rounds } from '#test/support/rounds.ts'
import { within } from '#test/support/within.ts'
import { randomOf } from '#test/support/workloads/random.ts'

const minute = 60_000

test.for([1, 2, 3, 4, 5, 6].slice(0, rounds(2, 6)))(
  'in history %i no cut ever lacks anything, and nothing useless stays',
  async (seed) => {
    const dice = randomOf(seed)
    let isCalm = false
    const history = openHistory({ dice, cutEveryMs: dice.pick([0, 15_000, 60_000]), isCalm: () => isCalm })
    const { clock } = history
    for (let step = 0; step < 100; step++) {
      await clock.advance(dice.int(200, 12_000))
      history.work()
      const what = dice.next()
      if (what < 0.55) history.take()
      else if (what < 0.75) await within(clock, history.removeAny())
      else if (what < 0.85) history.crashAny()
      else if (what < 0.95) history.moveLead()
      if (step % 3 === 0) expect(await within(clock, history.faults()), `step ${step}`).toEqual([])
    }
    isCalm = true
    await clock.advance(150 * minute)
    expect(await within(clock, history.faults())).toEqual([])
    expect(await within(clock, history.leftovers())).toEqual([])
    const { begun = 0, whole = 0 } = await within(clock, history.counts())
    expect(begun).toBeGreaterThan(20)
    expect(whole).toBeGreaterThan(0)
    await within(clock, history.stop())
  },
)
