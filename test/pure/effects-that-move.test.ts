/**
 * Effects while their owners and those who run them come, move and die: what runs goes on where
 * it is as long as that node lives, and each is heard of once.
 */
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { notes, openGate, resetGates } from '#test/support/gates.ts'
import {
  type Joined,
  onGpu,
  openLabelledWorld,
  type LabelledWorld,
  type Policies,
} from '#test/support/labelled-world.ts'
import { rounds } from '#test/support/rounds.ts'

const worlds: LabelledWorld[] = []

function openWorld(effects?: Policies): LabelledWorld {
  const world = openLabelledWorld(effects)
  worlds.push(world)
  return world
}

beforeEach(resetGates)
afterEach(() => {
  for (const world of worlds.splice(0)) world.close()
  resetGates()
})

const unbound: Policies = { work: {}, listen: {}, print: {} }

test('a partition that moves by plan leaves what runs of it where it runs, and nothing runs twice', async () => {
  const world = openWorld(unbound)
  const a = await world.join('a')
  for (let n = 0; n < 8; n++) {
    await world.send(`k${n}`, { type: 'WORK' })
    await world.send(`p${n}`, { type: 'PRINT' })
  }
  await world.join('c')
  await world.clock.advance(3000)
  expect(a.node.partitions.length).toBeLessThan(4)
  expect(notes().filter((one) => !String(one).startsWith('a '))).toEqual([])
  expect(notes()).toHaveLength(16)
  openGate('it@a', 1)
  openGate('print')
  await world.clock.advance(500)
  for (let n = 0; n < 8; n++) {
    expect(await world.got(`k${n}`)).toEqual(['a made 1'])
    expect(await world.got(`p${n}`)).toEqual(['a printed'])
    expect(await world.pending(`p${n}`)).toEqual([])
  }
  expect(notes()).toHaveLength(16)
})

test('what was left behind by a move begins again when that node dies, and comes home when it is moved back', async () => {
  const world = openWorld(unbound)
  const a = await world.join('a')
  for (let n = 0; n < 8; n++) await world.send(`k${n}`, { type: 'WORK' })
  const c = await world.join('c')
  await world.clock.advance(3000)
  const moved = c.node.partitions.length
  expect(moved).toBeGreaterThan(0)
  await world.kill(c)
  await world.clock.advance(3000)
  // All are at home again, and still in their first run.
  expect(notes()).toHaveLength(8)
  await world.join('d')
  await world.clock.advance(3000)
  await world.kill(a)
  await world.clock.advance(3000)
  openGate('it@d', 1)
  await world.clock.advance(500)
  for (let n = 0; n < 8; n++) expect(await world.got(`k${n}`)).toEqual(['d made 1'])
})

type Happening = { readonly is: 'join' | 'carry' | 'kill' | 'stop' | 'ask' | 'open'; readonly which: number }

/** The first owner dies while it runs something: that begins again, whatever else the dice bring. */
const whereItRuns: Happening[] = [
  { is: 'ask', which: 0 },
  { is: 'join', which: 0 },
  { is: 'join', which: 0 },
  { is: 'kill', which: 3 },
]

/** At least one owner and one carrier are left, so that everything can come to its end. */
async function happen(world: LabelledWorld, { is, which }: Happening, next: () => number): Promise<void> {
  const isCarrier = ({ node }: Joined): boolean => node.name.startsWith('gpu')
  const among = world.all.filter((one) => isCarrier(one) === (which % 2 === 0))
  const one = among[which % Math.max(1, among.length)]
  switch (is) {
    case 'join':
      return void (await world.join(`owner${next()}`))
    case 'carry':
      return void (await world.carrier(`gpu${next()}`))
    case 'kill':
      if (among.length > 1 && one !== undefined) await world.kill(one)
      return
    case 'stop': {
      if (among.length < 2 || one === undefined) return
      const stopping = one.node.stop()
      await world.clock.advance(1500)
      await stopping
      world.all.splice(world.all.indexOf(one), 1)
      return
    }
    case 'ask':
      return await world.send(`k${which}`, { type: 'WORK' })
    case 'open':
      if (one !== undefined) openGate(`it@${one.node.name}`, 'it')
      await world.clock.advance(100)
  }
}

test('whoever comes, stops or dies, each effect is heard of once, and no attempt begins twice', async () => {
  const happening = fc.record({
    is: fc.constantFrom<Happening['is']>('join', 'carry', 'kill', 'kill', 'stop', 'ask', 'ask', 'ask', 'open'),
    which: fc.nat(7),
  })
  let again = 0
  await fc.assert(
    fc.asyncProperty(
      fc.array(happening, { minLength: 6, maxLength: 16 }),
      fc.boolean(),
      async (happenings, isBound) => {
        resetGates()
        const world = openLabelledWorld(isBound ? onGpu : unbound)
        try {
          let names = 0
          await world.join('owner0')
          await world.carrier('gpu0')
          for (const one of happenings) await happen(world, one, () => ++names)
          for (let at = 0; at <= names; at++) for (const kind of ['gpu', 'owner']) openGate(`it@${kind}${at}`, 'it')
          await world.clock.advance(8000)
          const asked = new Set(happenings.flatMap(({ is, which }) => (is === 'ask' ? [which] : [])))
          for (const which of asked) {
            const times = world.traced('effect.ended').filter(({ address }) => address === `maker/k${which}`).length
            const got = await world.got(`k${which}`)
            expect(got.length, `k${which} of ${JSON.stringify(happenings)}`).toBeGreaterThan(0)
            // It may have been asked again when the first was heard of; each time it is heard of once.
            expect(got.length).toBeLessThanOrEqual(
              happenings.filter(({ is, which: w }) => is === 'ask' && w === which).length,
            )
            expect(times).toBeGreaterThanOrEqual(got.length)
            expect(await world.pending(`k${which}`)).toEqual([])
          }
          const begun = world.traced('effect.begun').map(({ effect, attempt }) => `${effect} ${attempt}`)
          expect(new Set(begun).size).toBe(begun.length)
          again += begun.filter((one) => !one.endsWith(' 1')).length
          expect(world.all.map(({ node }) => node.health().effects)).toEqual(world.all.map(() => 0))
        } finally {
          world.close()
        }
      },
    ),
    { numRuns: rounds(12, 120), seed: 5, examples: [[whereItRuns, false]] },
  )
  expect(again).toBeGreaterThan(0)
}, 60_000)
