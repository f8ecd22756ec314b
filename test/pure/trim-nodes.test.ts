/** Trimming of a realm of several nodes: only when all owners have answered, never past the least of them. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Address } from '#protocol/address.ts'
import { partitionOf } from '#protocol/partition.ts'
import { followerOf } from '#runtime/members/follower.ts'
import type { MemoryOp } from '#runtime/memory/memory-bus.ts'
import type { NodeOptions } from '#runtime/node.ts'
import { nodeOptions, openTestStore } from '#test/support/engine.ts'
import { type Joined, type NodeRealm, openNodeRealm } from '#test/support/node-realm.ts'
import { withPlainBases } from '#test/support/sim/plain-base.ts'

const often: Partial<NodeOptions> = { trimEveryMs: 2000, trimAnswerMs: 500, historyMs: 300 }

let world: NodeRealm
beforeEach(() => {
  world = openNodeRealm()
})
afterEach(() => world.close())

const twenty = (count: number): number[] => Array.from({ length: 20 }, () => count)

/** Three nodes, each with a share, and something on the log that is older than the window. */
async function openThree() {
  const [a, b, c] = [await world.join('a', often), await world.join('b', often), await world.join('c', often)]
  await world.clock.advance(1000)
  await world.add(5)
  return { a, b, c }
}

test('three nodes trim together, and one with an empty store goes on from bases and the rest of the log', async () => {
  const { a, b, c } = await openThree()
  const before = world.log.entries().length
  await world.clock.advance(5000)
  expect(world.traced('trimmed').length).toBeGreaterThan(0)
  expect(world.log.entries().length).toBeLessThan(before / 2)
  await world.add()
  for (const one of [a, b, c]) await world.kill(one)
  await world.join('d', often)
  await world.clock.advance(3000)
  await world.add()
  expect(await world.counts()).toEqual(twenty(7))
})

test('nobody trims but the owner of partition 0', async () => {
  await openThree()
  const askers = new Set<string>()
  for (const { node, bus } of world.all) {
    bus.disturb((op) => {
      if (op.is === 'request' && op.subject.startsWith('shop.trim.')) askers.add(node.name)
      return 'ok'
    })
  }
  await world.clock.advance(5000)
  expect([...askers]).toEqual(world.owners()[0])
})

test('an owner that does not answer ends the round, and a trace says who', async () => {
  await openThree()
  const leader = world.owners()[0]?.[0]
  const silent = world.all.find(({ node }) => node.name !== leader && node.partitions.length > 0)?.node.name
  const deaf = (op: MemoryOp) => (op.is === 'request' && op.subject === `shop.trim.${silent}` ? 'lose' : 'ok')
  for (const { bus } of world.all) bus.disturb(deaf)
  const first = world.log.entries()[0]?.seq
  await world.clock.advance(5000)
  expect(world.traced('trim.held')[0]).toMatchObject({ node: silent })
  expect(world.traced('trimmed')).toEqual([])
  expect(world.log.entries()[0]?.seq).toBe(first)
  for (const { bus } of world.all) bus.disturb(undefined)
  await world.clock.advance(5000)
  expect(world.traced('trimmed').length).toBeGreaterThan(0)
})

test('an owner whose commits do not reach the log holds trimming back at what it has consumed', async () => {
  await openThree()
  const key = Array.from({ length: 20 }, (_, at) => `counter/c${at}`).find(
    (one) => partitionOf(one as Address, 8) !== 0,
  ) as Address
  const stuck = partitionOf(key, 8)
  for (const { bus } of world.all) {
    bus.disturb((op) =>
      op.is === 'append' && op.entries.some(({ subject }) => subject === `shop.commit.${stuck}`) ? 'lose' : 'ok',
    )
  }
  const from = world.log.entries().at(-1)?.seq ?? 0
  await world.add(5)
  await world.clock.advance(5000)
  const waiting = world.log.entries().find(({ seq, subject }) => seq > from && subject.startsWith(`shop.in.${stuck}.`))
  expect(waiting).toBeDefined()
  for (const { bus } of world.all) bus.disturb(undefined)
  await world.clock.advance(5000)
  expect(await world.counts()).toEqual(twenty(10))
})

test('a standby that lags behind the horizon begins again from a base', async () => {
  await openThree()
  const leader = world.all.find(({ node }) => node.name === world.owners()[0]?.[0])
  const lagging = world.all.find((one) => one !== leader) as Joined
  // Given up by the others, whose round of trimming does without it; not long enough to be isolated.
  lagging.bus.disconnect()
  await world.clock.advance(1200)
  await world.add(5)
  for (const { node } of world.all) if (node !== lagging.node) await node.settle()
  await world.clock.advance(4000)
  expect(world.traced('trimmed').length).toBeGreaterThan(0)
  lagging.bus.reconnect()
  await world.clock.advance(10_000)
  await world.add(2)
  for (const one of [...world.all]) if (one !== lagging) await world.kill(one)
  await world.clock.advance(4000)
  await world.add()
  expect(await world.counts()).toEqual(twenty(13))
})

test('a follower that slept through a round finds the gap, and goes on from the base', async () => {
  const { node } = await world.join('a', { ...often, beatMs: 0 })
  await world.add(2)
  const bus = world.log.connect()
  const store = withPlainBases(await openTestStore(bus))
  const kinds = new Map(node.kinds)
  const follower = followerOf({ bus, store, clock: world.clock, kinds, flush: async () => undefined }, nodeOptions)
  await Promise.all([follower.set(new Set([0, 1, 2, 3])), world.clock.advance(500)])
  bus.disconnect()
  await world.add(3)
  await world.clock.advance(5000)
  expect(world.traced('trimmed').length).toBeGreaterThan(0)
  bus.reconnect()
  await world.clock.advance(100)
  await world.add(2)
  await world.clock.advance(8000)
  for (const { partition, position } of node.partitions.slice(0, 4))
    expect([partition, store.partition(partition)?.n]).toEqual([partition, position.n])
  expect(world.traced('follow.failed')[0]).toMatchObject({ fault: { code: 'log.gap' }, failures: 1 })
  await Promise.all([follower.stop(), world.clock.advance(10)])
})
