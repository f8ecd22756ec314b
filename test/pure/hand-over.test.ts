/** What a hand-over waits for: the log, a few times, and no heartbeat, no other partition, no reading. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Bus } from '#runtime/bus.ts'
import { type Clock, pause } from '#runtime/clock.ts'
import type { MemoryConnection } from '#runtime/memory/memory-bus.ts'
import { catchUpMostMs } from '#runtime/members/governor.ts'
import { followedBy } from '#runtime/members/owned-partitions.ts'
import { onTrace } from '#runtime/trace.ts'
import { type Joined, members, type NodeRealm, openNodeRealm } from '#test/support/node-realm.ts'

const partitions = 8
let world: NodeRealm
beforeEach(() => {
  world = openNodeRealm({ partitions })
})
afterEach(() => world.close())

const calls = ['append', 'appendAll', 'read', 'last', 'get', 'next', 'lastMatching', 'logState'] as const

/** Every question to the log takes so long. */
function distant(bus: MemoryConnection, clock: Clock, ms: number): Partial<Bus> {
  const delayed = (call: (...given: never[]) => Promise<unknown>) =>
    async function (...given: never[]): Promise<unknown> {
      await pause(clock, ms)
      return await call(...given)
    }
  const slow = Object.fromEntries(calls.map((name) => [name, delayed(bus[name] as never)]))
  return { ...slow, registry: { ...bus.registry, revision: delayed(bus.registry.revision) as () => Promise<number> } }
}

async function join(name: string, change: (bus: MemoryConnection) => Partial<Bus>, waitMs = 500): Promise<Joined> {
  const opening = world.open(name, {}, ({ bus, store }) => ({
    bus: { ...bus, ...change(bus) },
    store,
  }))
  opening.catch(() => undefined)
  await world.clock.advance(waitMs)
  return await opening
}

/** Of each partition that moves, from when it was let go until another had claimed it and opened it. */
function watchMoves() {
  const released = new Map<number, number>()
  const pauses: number[] = []
  const hearing = onTrace((one) => {
    if (one.is === 'partition.released') released.set(one.partition, world.clock.now())
    if (one.is !== 'committed') return
    const at = released.get(one.partition)
    released.delete(one.partition)
    if (at !== undefined) pauses.push(world.clock.now() - at)
  })
  return { pauses, stop: () => hearing.stop() }
}

const unowned = (): number[] => world.owners().flatMap((names, partition) => (names.length === 1 ? [] : [partition]))

const callMs = 2
/** Last record, end of the log and what stands there, claim, what was sent and has arrived, reader, commit; all twice for what lies in between. */
const callsMost = 12

test('with a log that takes 2 ms to answer a partition that moves pauses for some answers, and for no heartbeat', async () => {
  await join('a', (bus) => distant(bus, world.clock, callMs))
  await world.add()
  const moves = watchMoves()
  const joining = join('b', (bus) => distant(bus, world.clock, callMs), 0)
  // Under load, so that each partition has something to commit as soon as it is open.
  let added = 1
  for (; moves.pauses.length < partitions / 2 && added < 100; added++) await world.add()
  await joining
  moves.stop()
  expect(moves.pauses).toHaveLength(partitions / 2)
  expect(Math.max(...moves.pauses)).toBeLessThanOrEqual(callsMost * callMs)
  expect(callsMost * callMs).toBeLessThan(members.beatMs)
  expect(new Set(await world.counts())).toEqual(new Set([added]))
})

test('a standby that cannot be opened for a while keeps no claim waiting, and hand-overs no longer than one that catches up', async () => {
  const stuck = (bus: MemoryConnection): Partial<Bus> => ({
    read: (options) => (options.filter === 'shop.commit.3' ? new Promise(() => undefined) : bus.read(options)),
  })
  const a = await join('a', () => ({}))
  await world.add()
  await join('b', stuck)
  await world.clock.advance(catchUpMostMs + 1000)
  expect(world.owners()[3]).toEqual(['a'])
  expect(world.owners().filter((names) => names.includes('b'))).not.toEqual([])
  await world.kill(a)
  await world.clock.advance(members.suspectMs + 2 * members.beatMs)
  expect(unowned()).toEqual([3])
})

test('one partition of which nothing is heard keeps no other from being claimed, at the start and later', async () => {
  let isStuck = false
  const b = (bus: MemoryConnection): Partial<Bus> => ({
    last: (subject) => (isStuck && subject === 'shop.commit.3' ? new Promise(() => undefined) : bus.last(subject)),
  })
  const a = await join('a', () => ({}))
  await world.add()
  await join('b', b)
  await world.clock.advance(2000)
  isStuck = true
  await world.kill(a)
  await world.clock.advance(members.suspectMs + 3 * members.beatMs)
  expect(unowned()).toEqual([3])
})

test('who comes catches up with some partitions at a time, and one that waits for its turn is claimed at once', async () => {
  const begun = new Set<string>()
  const stuck = (bus: MemoryConnection): Partial<Bus> => ({
    read(options) {
      if (options.filter.startsWith('shop.commit.')) begun.add(options.filter)
      // Nothing of the mailboxes, which only owners read.
      return options.filter.startsWith('shop.commit.') ? new Promise(() => undefined) : bus.read(options)
    },
  })
  const a = await join('a', () => ({}))
  await world.add()
  await join('b', stuck)
  await world.clock.advance(500)
  expect(begun.size).toBe(4)
  await world.kill(a)
  await world.clock.advance(members.suspectMs + 3 * members.beatMs)
  const opened = new Set([...begun].map((filter) => Number(filter.split('.').at(-1))))
  expect(new Set(unowned())).toEqual(opened)
})

test('a partition is not given to one that has much of it still to read', () => {
  const follower = {
    positions: () =>
      new Map([
        [0, { n: 10, read: 400 }],
        [1, { n: 10, read: 399 }],
        [2, { n: 500, read: 500 }],
      ]),
  }
  const told = new Map([
    [0, 500],
    [1, 500],
  ])
  expect(followedBy(follower, told, () => true)).toEqual([
    [0, 10, true],
    [1, 10, false],
    [2, 500, false],
  ])
  expect(followedBy(follower, told, () => false).every(([, , isClose]) => !isClose)).toBe(true)
})
