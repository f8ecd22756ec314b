/** What goes wrong while partitions change hands costs a detour: nothing is lost, twice or left without an owner. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Fault } from '#protocol/fault.ts'
import type { SeenRealm } from '#runtime/client/nodes.ts'
import type { MemoryConnection } from '#runtime/memory/memory-bus.ts'
import type { NodeOptions } from '#runtime/node.ts'
import { onTrace } from '#runtime/trace.ts'
import { type Joined, type NodeRealm, openNodeRealm } from '#test/support/node-realm.ts'

let world: NodeRealm
beforeEach(() => {
  world = openNodeRealm()
})
afterEach(() => world.close())

const twenty = (count: number): number[] => Array.from({ length: 20 }, () => count)
const everyOneOnce = (): boolean => world.owners().every((names) => names.length === 1)
const undecodable = (): Fault => new Fault('record.undecodable', { size: 1, reason: 'it is broken' })

async function look(): Promise<SeenRealm> {
  const looking = world.realm.operate.nodes()
  looking.catch(() => undefined)
  await world.clock.advance(1500)
  return await looking
}

const told = `${undecodable().message} (record.undecodable)`

/** Joins with a bus of which some calls are answered otherwise. */
async function joinWith(name: string, change: (bus: MemoryConnection) => Partial<MemoryConnection>): Promise<Joined> {
  const opening = world.open(name, {}, ({ bus, store }) => ({ bus: { ...bus, ...change(bus) }, store }))
  opening.catch(() => undefined)
  await world.clock.advance(200)
  return await opening
}

test('one partition that cannot be taken does not keep the others from being served, and is tried again', async () => {
  let isBroken = true
  const { node } = await joinWith('a', (bus) => ({
    last: (subject) => (isBroken && subject === 'shop.commit.3' ? Promise.reject(undecodable()) : bus.last(subject)),
  }))
  expect(node.partitions.map(({ partition }) => partition).toSorted((a, b) => a - b)).toEqual([0, 1, 2, 4, 5, 6, 7])
  await world.clock.advance(8000)
  expect(world.traced('claim.failed')).toMatchObject(
    [1, 2, 3, 4].map((failures) => ({ partition: 3, failures, retryMs: 1000 * 2 ** (failures - 1) })),
  )
  expect((await look()).places[3]).toMatchObject({
    owner: undefined,
    why: { is: 'due', by: 'a', reason: told },
  })
  isBroken = false
  await world.clock.advance(8000)
  expect(everyOneOnce()).toBe(true)
  await world.add()
  expect(await world.counts()).toEqual(twenty(1))
})

test.each(['the one that gives', 'the one that takes'])('%s is killed in the middle of a hand-over', async (who) => {
  const a = await world.join('a')
  await world.add()
  const b = await world.join('b')
  const released = (): boolean => world.traced('partition.released').length > 0
  expect(await world.clock.advanceUntil(released, 5000)).toBe(true)
  await world.kill(who === 'the one that gives' ? a : b)
  await world.clock.advance(4000)
  expect(everyOneOnce()).toBe(true)
  await world.add()
  expect(await world.counts()).toEqual(twenty(2))
})

test('two that start at the same instant in an empty realm share it', async () => {
  const both = Promise.all([world.open('a'), world.open('b')])
  both.catch(() => undefined)
  await world.clock.advance(5000)
  await both
  expect(world.owners().flat().toSorted()).toEqual(['a', 'a', 'a', 'a', 'b', 'b', 'b', 'b'])
  expect(everyOneOnce()).toBe(true)
  await world.add()
  expect(await world.counts()).toEqual(twenty(1))
})

test('a node whose store breaks ends, and the others have what it had', async () => {
  await world.join('a')
  let isBroken = false
  const opening = world.open('b', {}, ({ bus, store }) => ({
    bus,
    store: {
      ...store,
      fold: (...folds) =>
        isBroken ? Promise.reject(new Fault('store.diskFull', { value: 'b' })) : store.fold(...folds),
    },
  }))
  await world.clock.advance(3000)
  const b = await opening
  await world.add()
  isBroken = true
  await world.add()
  await world.clock.advance(3000)
  expect(await Promise.race([b.node.ended, Promise.resolve('it runs')])).toMatchObject({ code: 'store.diskFull' })
  world.all.splice(world.all.indexOf(b), 1)
  await world.clock.advance(3000)
  expect(everyOneOnce()).toBe(true)
  await world.add()
  expect(await world.counts()).toEqual(twenty(3))
})

test('one that loses its connection while it takes over leaves it to the others, and comes back', async () => {
  const a = await world.join('a')
  const b = await world.join('b')
  await world.join('c')
  await world.clock.advance(3000)
  await world.add()
  await world.kill(a)
  const isCut = new Promise<void>((resolve) => {
    const hearing = onTrace((one) => {
      if (one.is !== 'partition.claimed') return
      hearing.stop()
      b.bus.disconnect()
      resolve()
    })
  })
  await world.clock.advance(4000)
  await isCut
  await world.add()
  b.bus.reconnect()
  await world.clock.advance(8000)
  expect(everyOneOnce()).toBe(true)
  await world.add()
  expect(await world.counts()).toEqual(twenty(3))
})

test('a standby that fails again and again waits longer each time, and does not say that it follows', async () => {
  await world.join('a')
  let isBroken = true
  const { node } = await joinWith('b', (bus) => ({
    read: (options) =>
      isBroken && options.filter === 'shop.commit.3' ? Promise.reject(undecodable()) : bus.read(options),
  }))
  await world.clock.advance(2000)
  const failed = world.traced('follow.failed').filter(({ partition }) => partition === 3)
  expect(failed.slice(0, 4).map(({ failures, retryMs }) => [failures, retryMs])).toEqual([
    [1, 100],
    [2, 200],
    [3, 400],
    [4, 800],
  ])
  expect((await look()).nodes.map(({ unfollowed }) => unfollowed)).toEqual([[], [[3, told]]])
  expect(world.owners()[3]).toEqual(['a'])
  expect(node.partitions.map(({ partition }) => partition)).not.toContain(3)
  isBroken = false
  await world.clock.advance(10_000)
  expect(everyOneOnce()).toBe(true)
  expect((await look()).nodes.map(({ unfollowed }) => unfollowed)).toEqual([[], []])
})

test('nodes that come and go in a row leave no partition without an owner and lose nothing', async () => {
  const options: Partial<NodeOptions> = { graceMs: 1000 }
  let expected = 0
  await world.join('n0', options)
  for (let at = 1; at <= 6; at++) {
    await world.join(`n${at}`, options)
    await world.add()
    expected++
    const leaving = world.all[0] as Joined
    if (at % 2 === 0) await world.kill(leaving)
    else {
      const stopping = leaving.node.stop()
      await world.clock.advance(1500)
      await stopping
      world.all.shift()
    }
    await world.clock.advance(1500)
    await world.add()
    expected++
  }
  await world.clock.advance(3000)
  expect(everyOneOnce()).toBe(true)
  expect(await world.counts()).toEqual(twenty(expected))
})
