/** Several nodes on one log: each has its share, and what one loses another has, once. */
import { afterEach, expect, test } from 'vitest'
import { members, type NodeRealm, openNodeRealm } from '#test/support/node-realm.ts'

const partitions = 8
const worlds: NodeRealm[] = []
afterEach(() => {
  for (const world of worlds.splice(0)) world.close()
})

function openWorld(): NodeRealm {
  const world = openNodeRealm({ partitions })
  worlds.push(world)
  return world
}

const shares = (owners: readonly string[][]): Record<string, number> => {
  const found: Record<string, number> = {}
  for (const [name] of owners) if (name !== undefined) found[name] = (found[name] ?? 0) + 1
  return found
}

test('whoever joins gets its share, and each partition has one owner', async () => {
  const world = openWorld()
  await world.join('a')
  expect(shares(world.owners())).toEqual({ a: partitions })
  await world.add()
  await world.join('b')
  await world.clock.advance(3000)
  expect(shares(world.owners())).toEqual({ a: 4, b: 4 })
  await world.join('c')
  await world.clock.advance(3000)
  expect(Object.values(shares(world.owners())).toSorted((a, b) => a - b)).toEqual([2, 3, 3])
  expect(world.owners().every((names) => names.length === 1)).toBe(true)
  await world.add()
  expect(await world.counts()).toEqual(Array.from({ length: 20 }, () => 2))
})

test('a node that is killed is replaced by those who stood by, and nothing is lost or twice [N6] [N7]', async () => {
  const world = openWorld()
  const a = await world.join('a')
  await world.join('b')
  await world.join('c')
  await world.clock.advance(3000)
  await world.add()
  await world.kill(a)
  await world.add()
  await world.clock.advance(members.suspectMs + 3 * members.beatMs)
  expect(Object.values(shares(world.owners())).toSorted((a, b) => a - b)).toEqual([4, 4])
  await world.add()
  expect(await world.counts()).toEqual(Array.from({ length: 20 }, () => 3))
})

test('a node that stops gives everything away first', async () => {
  const world = openWorld()
  const a = await world.join('a')
  await world.join('b')
  await world.clock.advance(3000)
  await world.add()
  const stopping = a.node.stop()
  await world.clock.advance(1000)
  await stopping
  world.all.splice(0, 1)
  expect(shares(world.owners())).toEqual({ b: partitions })
  await world.add()
  expect(await world.counts()).toEqual(Array.from({ length: 20 }, () => 2))
})

test('the last one that stops just stops', async () => {
  const world = openWorld()
  const a = await world.join('a')
  await world.add()
  const stopping = a.node.stop()
  await world.clock.advance(100)
  await stopping
  world.all.splice(0, 1)
  await world.join('b')
  expect(await world.counts()).toEqual(Array.from({ length: 20 }, () => 1))
})

test('a node without capacity owns nothing', async () => {
  const world = openWorld()
  await world.join('a')
  await world.join('looker', { capacity: 0 })
  await world.clock.advance(3000)
  expect(shares(world.owners())).toEqual({ a: partitions })
})

test('a node that stood still finds out that its partitions are gone, and takes its share again', async () => {
  const world = openWorld()
  const a = await world.join('a')
  await world.join('b')
  await world.clock.advance(3000)
  await world.add()
  a.bus.disconnect()
  await world.clock.advance(5000)
  expect(world.owners().every((names) => names.includes('b'))).toBe(true)
  await world.add()
  a.bus.reconnect()
  await world.clock.advance(5000)
  expect(shares(world.owners())).toEqual({ a: 4, b: 4 })
  expect(world.owners().every((names) => names.length === 1)).toBe(true)
  await world.add()
  expect(await world.counts()).toEqual(Array.from({ length: 20 }, () => 3))
})
