/** A log that forgets again and again while nodes die and come back: what was folded is there once, in order. */
import { afterEach, expect, test } from 'vitest'
import { rounds } from '#test/support/rounds.ts'
import { type Joined, type MendWorld, openMendWorld } from '#test/support/mend-world.ts'
import { type Random, randomOf } from '#test/support/workloads/random.ts'

const worlds: MendWorld[] = []
afterEach(() => {
  for (const world of worlds.splice(0)) world.close()
})

async function openWorld(names: readonly string[]): Promise<MendWorld> {
  const world = await openMendWorld(names)
  worlds.push(world)
  return world
}

const seeds = Array.from({ length: rounds(6, 40) }, (_, seed) => seed)
const keys = ['bare', 'l1', 'l2']

const isServed = (world: MendWorld): boolean => world.owners().every((owners) => owners.length === 1)

/** Programs that send to it as it is; the number of the last one. */
async function outsiders(
  world: MendWorld,
  random: Random,
  { last, most }: { last: number; most: number },
): Promise<number> {
  let n = last
  for (let at = random.int(0, most); at > 0; at--) {
    world.bare(++n, random.pick(keys))
    await world.clock.advance(random.int(0, 30))
  }
  return n
}

/** The server is away for a moment, so that what comes afterwards is younger than what was lost. */
async function cut(world: MendWorld, random: Random): Promise<void> {
  world.log.truncate(Math.max(world.end() - random.int(1, 60), 12))
  await world.clock.advance(1)
}

async function finish(world: MendWorld, unheld?: ReadonlySet<number>): Promise<void> {
  await world.clock.advance(10_000)
  expect(isServed(world)).toBe(true)
  await world.note(20)
  await world.audit(unheld)
  expect(world.traces.filter(({ is }) => is === 'log.forked' || is === 'node.failed')).toEqual([])
}

test.each(seeds)('storm %i: cuts, deaths and newcomers in any order', async (seed) => {
  const random = randomOf(seed + 1)
  const names = seed % 3 === 0 ? ['a'] : ['a', 'b', 'c']
  const world = await openWorld(names)
  await world.clock.advance(names.length > 1 ? 3000 : 0)
  let bare = 10_000
  for (let round = 0; round < 6; round++) {
    await world.note(random.int(5, 40), random.int(100, 400))
    for (let at = random.int(0, 5); at > 0; at--) world.bare(++bare, random.pick(keys))
    // What nobody folded yet is nobody's to bring back.
    expect(await world.clock.advanceUntil(() => isServed(world), 20_000)).toBe(true)
    await world.clock.advance(500)
    if (names.length > 1 && random.chance(0.3) && world.all.length > 1) {
      // Its records are with who stands by; what it consumed from outside is not, and need not be.
      const one = random.pick(world.all)
      const disk = await world.kill(one)
      if (random.chance(0.5)) {
        await world.clock.advance(random.int(0, 3000))
        await world.join(one.name, disk)
        await world.clock.advance(3000)
      }
    }
    await cut(world, random)
    bare = await outsiders(world, random, { last: bare, most: 5 })
    await world.clock.advance(random.pick([100, 1000, 8000]))
  }
  await finish(world)
})

test.each(seeds)('deaths %i: nodes die while they mend, and come back later with what they had', async (seed) => {
  const random = randomOf(seed + 1)
  const world = await openWorld(['a', 'b', 'c'])
  const away: Pick<Joined, 'name' | 'disk'>[] = []
  const unheld = new Set<number>()
  let bare = 10_000
  for (let round = 0; round < 6; round++) {
    for (const one of away.splice(0)) {
      if (random.chance(0.8)) await world.join(one.name, one.disk)
      else away.push(one)
    }
    await world.note(random.int(5, 40), random.int(100, 400))
    bare = await outsiders(world, random, { last: bare, most: 4 })
    expect(await world.clock.advanceUntil(() => isServed(world), 30_000)).toBe(true)
    await world.clock.advance(5000)
    await cut(world, random)
    const before = bare
    bare = await outsiders(world, random, { last: bare, most: 4 })
    await world.clock.advance(random.int(0, 100))
    if (random.chance(0.4)) {
      await cut(world, random)
      // The server promised them, and lost them before any owner had them.
      for (let n = before + 1; n <= bare; n++) unheld.add(n)
    }
    bare = await outsiders(world, random, { last: bare, most: 4 })
    await world.clock.advance(random.int(0, random.pick([0, 30, 300, 3000])))
    if (away.length === 0 && random.chance(0.8)) away.push(await killLate(world, random))
    await world.clock.advance(random.pick([100, 1000, 8000]))
  }
  await finish(world, unheld)
})

/** Half of them in the middle of what they append. */
async function killLate(world: MendWorld, random: Random): Promise<Pick<Joined, 'name' | 'disk'>> {
  const one = random.pick(world.all)
  if (random.chance(0.5)) {
    let left = random.int(0, 4)
    one.bus.disturb((op) => (op.is === 'append' && --left < 0 ? 'lose' : 'ok'))
    await world.clock.advance(random.int(0, 400))
  }
  return { name: one.name, disk: await world.kill(one) }
}
