/**
 * Cuts of a realm beside those of the textbook's algorithm, over the same wallets, judged by the same
 * checker, which sees nothing but the picture: no money is made or lost, each envelope is consumed,
 * on its way or not sent yet, nobody knows more of another than that one has done.
 */
import { describe, expect, test } from 'vitest'
import { pictureOf } from '#test/support/cuts/picture-of-cut.ts'
import { pictureFaults } from '#test/support/cuts/picture.ts'
import { textbookPictures, type TextbookPlant } from '#test/support/cuts/textbook.ts'
import { wallets } from '#test/support/cuts/wallets.ts'
import { rounds } from '#test/support/rounds.ts'
import { runWorld } from '#test/support/sim/world.ts'
import { randomOf } from '#test/support/workloads/random.ts'

describe('the textbook, with a marker on each channel', () => {
  const run = (seed: number, plant?: TextbookPlant): string[] => {
    const random = randomOf(seed)
    const names = Array.from({ length: random.int(2, 7) }, (_, at) => `w${at}`)
    return textbookPictures({ random, names, requests: random.int(20, 120), cuts: 5, plant }).flatMap(pictureFaults)
  }

  test('its cuts are consistent, whatever the dice say [N22]', () => {
    for (let seed = 1; seed <= rounds(30, 1000); seed++) expect(run(seed), `seed ${seed}`).toEqual([])
  })

  test.each(['records one step late', 'forgets what is in a channel', 'goes on recording a channel'] as const)(
    'one that %s is seen',
    (plant) => {
      const seen = Array.from({ length: 20 }, (_, at) => run(at + 1, plant)).filter((faults) => faults.length > 0)
      expect(seen.length).toBeGreaterThan(15)
    },
  )
})

describe('a realm', () => {
  const seeds = Array.from({ length: rounds(3, 60) }, (_, at) => at + 1)

  test.each(seeds)('its cuts in the storm of world %i satisfy the same checker [N22]', async (seed) => {
    const { faults, taken, story } = await runWorld({
      seed,
      requests: 60,
      workloads: [wallets(2 + (seed % 6))],
      cuts: true,
      nodes: seed % 2 === 0 ? 2 + (seed % 3) : undefined,
    })
    const found = [...faults, ...taken.flatMap((cut) => pictureFaults(pictureOf(cut)))]
    expect({ found, story: found.length > 0 ? story : [] }).toEqual({ found: [], story: [] })
    expect(taken.length).toBeGreaterThan(0)
  })
})
