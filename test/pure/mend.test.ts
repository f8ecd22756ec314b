/** A log that came back shorter than what it acknowledged: what was folded is there again, once, in order. */
import { afterEach, expect, test } from 'vitest'
import { partitionOf } from '#protocol/partition.ts'
import type { NodeOptions } from '#runtime/node.ts'
import { type Joined, openMendWorld, partitions } from '#test/support/mend-world.ts'

const worlds: { close(): void }[] = []
afterEach(() => {
  for (const world of worlds.splice(0)) world.close()
})

async function openWorld(names: readonly string[], options: Partial<NodeOptions> = {}, latencyMs = 0) {
  const world = await openMendWorld(names, options, latencyMs)
  worlds.push(world)
  return world
}

test.each([1, 2, 3, 5, 8, 13, 40])('one node appends again what the log lost, %i entries', async (missing) => {
  const world = await openWorld(['a'])
  await world.note(40)
  for (let n = 1001; n < 1004; n++) world.bare(n)
  await world.clock.advance(200)
  world.log.truncate(world.end() - missing)
  await world.clock.advance(500)
  expect(world.mended()).toHaveLength(1)
  await world.note(20)
  await world.audit()
})

test('what comes before the log is mended is taken behind what was lost', async () => {
  const world = await openWorld(['a'])
  await world.note(40)
  for (let n = 1001; n < 1004; n++) world.bare(n)
  await world.clock.advance(200)
  world.all[0]?.bus.disconnect('lost')
  world.log.truncate(world.end() - 20)
  world.all[0]?.bus.disconnect('lost')
  await world.clock.advance(1)
  for (let n = 1004; n < 1044; n++) world.bare(n)
  world.all[0]?.bus.reconnect()
  await world.clock.advance(500)
  expect(world.mended()).toHaveLength(1)
  await world.note(20)
  await world.audit()
})

test('three nodes mend a log under load, also a second time soon after', async () => {
  const world = await openWorld(['a', 'b', 'c'])
  await world.clock.advance(3000)
  for (let round = 1; round < 4; round++) {
    await world.note(40)
    world.bare(1000 * round)
    await world.clock.advance(200)
    world.log.truncate(world.end() - 17 * round)
    await world.clock.advance(1)
    for (let n = 1; n < 10; n++) world.bare(1000 * round + n)
    await world.clock.advance(300 * round)
  }
  await world.clock.advance(10_000)
  expect(world.owners().every((names) => names.length === 1)).toBe(true)
  await world.note(20)
  await world.audit()
})

test('what the owner had and died with comes from the one that stood by', async () => {
  const world = await openWorld(['a', 'b', 'c'])
  await world.clock.advance(3000)
  await world.note(40)
  const [a] = world.all
  await world.kill(a as Joined)
  world.log.truncate(world.end() - 25)
  await world.clock.advance(10_000)
  expect(world.mended().length).toBeGreaterThan(0)
  expect(world.owners().every((names) => names.length === 1)).toBe(true)
  await world.note(20)
  await world.audit()
})

test('a node that starts after the log lost its end mends it from what its store holds', async () => {
  const world = await openWorld(['a'])
  await world.note(40)
  const disk = await world.kill(world.all[0] as Joined)
  world.log.truncate(world.end() - 30)
  await world.clock.advance(10)
  world.bare(1001)
  await world.join('a', disk)
  expect(world.mended()).toHaveLength(1)
  await world.note(20)
  await world.audit()
})

test('a log that lost more than anybody holds stops the node, and nothing is written', async () => {
  const world = await openWorld(['a'], { mendBytes: 3000 })
  await world.note(40)
  await world.clock.advance(3000)
  await world.note(3)
  world.log.truncate(10)
  const end = world.end()
  await world.clock.advance(3000)
  expect(await world.all[0]?.node.ended).toMatchObject({ code: 'log.shorter' })
  expect(world.end()).toBe(end)
})

test('a log that is cut right behind a claim', async () => {
  const world = await openWorld(['a', 'b'])
  await world.clock.advance(3000)
  await world.note(40)
  const [a] = world.all
  await world.kill(a as Joined)
  await world.clock.advance(5000)
  expect(world.owners()).toEqual(Array.from({ length: partitions }, () => ['b']))
  const claims = world.log.entries().filter(({ subject }) => subject.startsWith('shop.commit.'))
  world.log.truncate((claims.at(-1)?.seq ?? 0) - 2)
  await world.clock.advance(5000)
  await world.note(20)
  await world.audit()
})

test('one that dies while it mends is followed by another, and nothing stands twice', async () => {
  const world = await openWorld(['a', 'b', 'c'])
  await world.clock.advance(3000)
  await world.note(60)
  const [a] = world.all
  let appends = 0
  // The table with the claims gets through, and what it holds; then it is gone.
  a?.bus.disturb((op) => (op.is === 'append' && ++appends > 2 ? 'lose' : 'ok'))
  world.log.truncate(world.end() - 50)
  await world.clock.advance(400)
  await world.kill(a as Joined)
  await world.clock.advance(10_000)
  expect(world.owners().every((names) => names.length === 1)).toBe(true)
  await world.note(20)
  await world.audit()
})

test('a new event that looks like a lost one in its place is a new event', async () => {
  const world = await openWorld(['a'])
  await world.note(10)
  const end = world.end()
  for (let at = 0; at < 3; at++) world.bare(7)
  await world.clock.advance(200)
  world.log.truncate(end)
  world.all[0]?.bus.disconnect('lost')
  await world.clock.advance(1)
  for (let at = 0; at < 3; at++) world.bare(7)
  world.all[0]?.bus.reconnect()
  await world.clock.advance(500)
  await world.note(10)
  await world.audit()
})

test('who was there gets the time to come back with what it alone holds', async () => {
  const world = await openWorld(['a', 'b'], { standbys: 0 })
  await world.clock.advance(3000)
  await world.note(40)
  const b = world.all.find(({ name }) => name === 'b') as Joined
  const owned = b.node.partitions.map(({ position }) => position.n)
  expect(Math.min(...owned)).toBeGreaterThan(0)
  world.log.truncate(world.end() - 60)
  b.bus.disconnect('lost')
  await world.clock.advance(900)
  expect(world.mended()).toEqual([])
  b.bus.reconnect()
  await world.clock.advance(10_000)
  expect(world.mended()).toHaveLength(1)
  await world.note(20)
  await world.audit()
})

test('one partition of the mender alone is no reason to forget what the others hold', async () => {
  const world = await openWorld(['a', 'b'])
  await world.clock.advance(3000)
  const of = (name: string): number => world.all.findIndex((one) => one.name === name)
  const mine = (key: string): boolean =>
    world.owners()[partitionOf(`list/${key}`, partitions)]?.[0] === world.all[of('b')]?.name
  const key = Array.from({ length: 30 }, (_, at) => `k${at}`).find(mine) as string
  for (let n = 1; n < 20; n++) world.bare(n, key)
  await world.clock.advance(200)
  world.log.truncate(world.end() - 15)
  await world.clock.advance(5000)
  for (let n = 20; n < 25; n++) world.bare(n, key)
  await world.clock.advance(200)
  await world.audit()
})

test.each([15, 22, 33])(
  'what was claimed %i ms before the log lost it is not opened behind the mending',
  async (ms) => {
    const world = await openWorld(['a', 'b'], { standbys: 0 }, 5)
    await world.clock.advance(3000)
    await world.note(40, 1000)
    const claims = (): number => world.traces.filter(({ is }) => is === 'partition.claimed').length
    const before = claims()
    await world.kill(world.all[0] as Joined)
    expect(await world.clock.advanceUntil(() => claims() > before, 5000)).toBe(true)
    // While what was never followed is read, the claims are lost again, and nothing else.
    await world.clock.advance(ms)
    const taken = world.log
      .entries()
      .findIndex(({ subject, at }) => /commit\.\d+$/.test(subject) && at > world.clock.now() - 100)
    world.log.truncate(world.log.entries()[taken - 1]?.seq ?? 0)
    await world.clock.advance(10_000)
    expect(world.mended()).toHaveLength(1)
    expect(world.owners()).toEqual(Array.from({ length: partitions }, () => ['b']))
    expect(world.traces.filter(({ is }) => is === 'partition.lost')).toEqual([])
    await world.note(20, 1000)
    await world.audit()
  },
)
