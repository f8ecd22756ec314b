/** A node is asked to give its partitions away, and whoever looks sees who has what. */
import { afterEach, expect, test } from 'vitest'
import { createMachine } from 'xstate'
import { actor } from '#protocol/actor.ts'
import { Fault, isFault } from '#protocol/fault.ts'
import { drainNode } from '#runtime/client/nodes.ts'
import type { Draining, RealmHandle } from '#runtime/index.ts'
import { type MemoryConnection, openMemoryLog } from '#runtime/memory/memory-bus.ts'
import type { Node, NodeOptions } from '#runtime/node.ts'
import { openVirtualClock } from '#runtime/memory/virtual-clock.ts'
import { openTestNode, openTestRealm } from '#test/support/engine.ts'

const kinds = [actor('thing', createMachine({ on: { GO: {} } }))]
const partitions = 8
const nodes: Node[] = []

afterEach(() => {
  for (const node of nodes.splice(0)) node.kill()
})

function openWorld() {
  const clock = openVirtualClock({ start: Date.UTC(2026, 0, 1), progress: () => nodes.map(({ name }) => name).join() })
  const log = openMemoryLog({ realm: 'shop', partitions, clock })
  const realm: RealmHandle = openTestRealm(log.connect(), clock)

  async function done<T>(work: Promise<T>, ms = 3_000): Promise<T> {
    work.catch(() => undefined)
    await clock.advance(ms)
    return await work
  }

  return {
    clock,
    realm,
    connect: () => log.connect(),
    done,
    async join(name: string, options: Partial<NodeOptions> = {}): Promise<{ node: Node; bus: MemoryConnection }> {
      const bus = log.connect()
      const members = { beatMs: 100, suspectMs: 300, deadMs: 1_000 }
      const node = await done(openTestNode(bus, kinds, { clock, options: { name, ...members, ...options } }), 500)
      nodes.push(node)
      return { node, bus }
    },
    /** By partition. */
    async owners(): Promise<(string | undefined)[]> {
      return (await done(realm.operate.nodes())).places.map(({ owner }) => owner)
    },
  }
}

test('a node that is to stay has nothing until it is asked to take its share again', async () => {
  const { realm, done, join, owners, clock } = openWorld()
  await join('a')
  const { node } = await join('b')
  await clock.advance(2_000)
  const before = await owners()
  expect(new Set(before)).toEqual(new Set(['a', 'b']))
  const told: Draining[] = []
  expect(await done(realm.operate.drain('b', 'stay', (progress) => told.push(progress)))).toEqual({
    state: 'drained',
    left: 0,
  })
  expect(told.at(0)).toEqual({ phase: 'leaving', left: 4, canGive: true })
  expect(told.at(-1)).toMatchObject({ left: 0 })
  expect(await owners()).toEqual(Array.from({ length: partitions }, () => 'a'))
  // Ready, for it is as it should be: all partitions have an owner.
  expect(node.health()).toMatchObject({ ready: true, phase: 'leaving', partitions: 0, nodes: 2 })
  expect(await done(realm.operate.drain('b', 'undo'))).toEqual({ state: 'ready', left: 0 })
  await clock.advance(2_000)
  expect(await owners()).toEqual(before)
})

test('one that is to stop says its last word with nothing left; one that dies meanwhile is told from it', async () => {
  const { realm, done, join, owners } = openWorld()
  await join('a')
  const { node } = await join('b')
  const c = await join('c')
  expect(await done(realm.operate.drain('b', 'stop'))).toEqual({ state: 'stopped', left: 0 })
  expect(await node.ended).toBeUndefined()
  const dying = realm.operate.drain('c', 'stay', () => {
    c.bus.die()
    c.node.kill()
  })
  expect(await done(dying)).toMatchObject({ state: 'ended' })
  expect(await owners()).toEqual(Array.from({ length: partitions }, () => 'a'))
  await expect(done(realm.operate.drain('d', 'stop'))).rejects.toThrow(/No node named "d" answers/)
})

test('the last one keeps what it has and says that nobody can take it, and goes on when somebody comes', async () => {
  const { realm, clock, join, owners } = openWorld()
  await join('a')
  const told: Draining[] = []
  const draining = realm.operate.drain('a', 'stop', (progress) => told.push(progress))
  await clock.advance(2_000)
  expect(told.at(-1)).toEqual({ phase: 'leaving', left: partitions, canGive: false })
  await join('b')
  await clock.advance(3_000)
  expect(await draining).toEqual({ state: 'stopped', left: 0 })
  expect(await owners()).toEqual(Array.from({ length: partitions }, () => 'b'))
})

test('what nobody owns is told with its reason, and a node without heartbeats is found all the same', async () => {
  const { realm, done, join } = openWorld()
  const look = async () => await done(realm.operate.nodes())
  const none = await look()
  expect([none.nodes, none.places[0]]).toMatchObject([[], { owner: undefined, why: { is: 'nobody' } }])
  const { node } = await join('weak', { capacity: 0 })
  expect((await look()).places[0]?.why).toEqual({ is: 'noCapacity' })
  await done(realm.operate.drain('weak', 'stay'))
  expect((await look()).places[0]?.why).toEqual({ is: 'draining' })
  await done(node.stop())
  await join('alone', { beatMs: 0 })
  const alone = await look()
  expect(alone.nodes).toEqual([])
  expect(new Set(alone.places.map(({ owner }) => owner))).toEqual(new Set(['alone']))
})

test('clocks are compared by what each node says of its own', async () => {
  const { realm, done, join } = openWorld()
  await join('a')
  await join('b')
  const seen = await done(realm.operate.nodes())
  expect(seen.nodes.map(({ name, aheadMs }) => [name, aheadMs])).toEqual([
    ['a', 0],
    ['b', 0],
  ])
})

test('who asks for a state while its partition moves is answered by the next owner', async () => {
  const { realm, clock, done, join } = openWorld()
  const { node } = await join('a')
  await done(realm.send('thing/x', { type: 'GO' }))
  await done(node.stop())
  const reading = realm.at('thing/x').read()
  reading.catch(() => undefined)
  await clock.advance(500)
  await join('b')
  await clock.advance(1_000)
  expect(await reading).toMatchObject({ status: 'active' })
  await done(nodes.at(-1)?.stop() ?? Promise.resolve())
  const error = await done(realm.at('thing/x').read()).catch((reason: unknown) => reason)
  expect(isFault(error, 'partition.unowned')).toBe(true)
})

test('a question that an ending node takes with it is asked again, and one of a node that stands still ends', async () => {
  const { clock, connect, done, join } = openWorld()
  await join('a')
  await join('b')
  await clock.advance(2_000)
  const bus = connect()
  let asked = 0
  let isSilent = (): boolean => asked === 2
  const request: typeof bus.request = (subject, ...rest) =>
    subject.startsWith('shop.drain.') && (asked++, isSilent())
      ? Promise.reject(new Fault('bus.timeout', { ms: 1000 }))
      : bus.request(subject, ...rest)
  const drain = (name: string) =>
    drainNode({ bus: { ...bus, request }, clock }, { name, asked: 'stay' }, () => undefined)
  expect(await done(drain('b'))).toEqual({ state: 'drained', left: 0 })
  expect(asked).toBeGreaterThan(2)
  isSilent = () => true
  await expect(done(drain('b'))).rejects.toMatchObject({ code: 'bus.timeout' })
})
