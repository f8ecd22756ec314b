/**
 * The whole engine in virtual time, in worlds that a seed decides: wires that lose and repeat,
 * disks and processes that die, owners that fight, servers that restart. What must hold is said
 * by checkers that stand outside (test/support/sim). More seeds run with `npm run test:long`.
 */
import { describe, expect, test } from 'vitest'
import { rounds } from '#test/support/rounds.ts'
import { runWorld, type World } from '#test/support/sim/world.ts'

const world = (seed: number) => runWorld({ seed, requests: 30 })

/** The first dozen are looked at by several tests, and run once. */
const dozen = new Map<number, Promise<World>>()

function worldOnce(seed: number): Promise<World> {
  if (seed > 12) return world(seed)
  const known = dozen.get(seed) ?? world(seed)
  dozen.set(seed, known)
  return known
}

/**
 * Seeds that failed once, each found again with its bug put back. What a seed stands for moves
 * when the world's dice do, so each of the bugs has a test of its own as well.
 */
const kept: readonly (readonly [seed: number, bug: string])[] = [
  [56, 'an action counted as over before what it had sent was stored'],
]

describe('seeds that failed once', () => {
  test.each(kept)('%i: %s', async (seed) => {
    expect((await world(seed)).faults).toEqual([])
  })
})

describe('worlds by dice', () => {
  test.each(Array.from({ length: rounds(2, 16) }, (_, at) => at))(
    'nothing is lost, repeated, early, out of order or seen otherwise than the log says (%i)',
    async (part) => {
      for (let seed = 1 + part * 6; seed <= (part + 1) * 6; seed++) {
        const { faults, story } = await worldOnce(seed)
        expect(faults, `seed ${seed}\n${story.join('\n')}`).toEqual([])
      }
    },
  )

  test('they hold what they are for: copies, fights and deaths', async () => {
    const total = { copies: 0, duplicates: 0, claims: 0, deaths: 0 }
    for (let seed = 1; seed <= 12; seed++) {
      const { audit, story } = await worldOnce(seed)
      total.copies += audit.copies
      total.duplicates += audit.duplicates
      total.claims += audit.claims
      total.deaths += story.filter((line) => line.includes(' dies ')).length
    }
    for (const [what, count] of Object.entries(total))
      expect({ what, isEnough: count > 10 }).toEqual({ what, isEnough: true })
  })

  test('the same seed is the same run, entry by entry', async () => {
    const [first, second] = [await worldOnce(7), await world(7)]
    expect(second.story).toEqual(first.story)
    const linesOf = ({ reader }: typeof first) =>
      reader.entries.map(({ seq, subject, at, data }) => `${seq} ${at} ${subject} ${data.length}`)
    expect(linesOf(second)).toEqual(linesOf(first))
  })
})
