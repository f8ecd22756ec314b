/** A node that never followed a realm finds bases of what was committed long ago. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type NodeRealm, openNodeRealm } from '#test/support/node-realm.ts'

let world: NodeRealm
beforeEach(() => {
  world = openNodeRealm({ partitions: 2 })
})
afterEach(() => world.close())

test('each owner uploads a base after so many bytes of commits, and no more than it commits', async () => {
  const { bus } = await world.join('a', { baseEveryBytes: 4000 })
  await world.add(30)
  await world.clock.advance(1000)
  const uploaded = world.traced('base.uploaded')
  expect(new Set(uploaded.map(({ partition }) => partition))).toEqual(new Set([0, 1]))
  const committed = world.log.entries().reduce((sum, { data }) => sum + data.length, 0)
  expect(uploaded.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThan(committed)
  const [names] = await Promise.all([bus.blobs.names(), world.clock.advance(1)])
  expect(names).toHaveLength(2)
})

test('a node without any of it takes the bases and reads only what is behind them', async () => {
  const a = await world.join('a', { baseEveryBytes: 4000 })
  await world.add(30)
  await world.clock.advance(1000)
  const [names] = await Promise.all([a.bus.blobs.names(), world.clock.advance(1)])
  await world.kill(a)
  // Whoever read from the beginning would find it gone.
  const from = Math.min(...names.map((name) => Number(name.split('.')[2])))
  expect(from).toBeGreaterThan(1)
  await world.join('b')
  await world.clock.advance(2000)
  expect(world.traced('base.taken')).toHaveLength(2)
  await world.add()
  expect(await world.counts()).toEqual(Array.from({ length: 20 }, () => 31))
})
