/** Several nodes on one log: each has its share, and what one loses another has, once. */
import { afterEach, expect, test } from 'vitest'
import { assign, setup } from 'xstate'
import { actor } from '#protocol/actor.ts'
import { type MemoryConnection, openMemoryLog } from '#runtime/memory-bus.ts'
import type { Node, NodeOptions } from '#runtime/node.ts'
import { openVirtualClock } from '#runtime/virtual-clock.ts'
import { openTestNode, openTestRealm } from '#test/support/engine.ts'

const counters = actor(
  'counter',
  setup({
    types: { context: {} as { got: number[] }, events: {} as { type: 'ADD'; n: number } },
    actions: { add: assign({ got: ({ context, event }) => [...context.got, event.n] }) },
  }).createMachine({ context: { got: [] }, on: { ADD: { actions: 'add' } } }),
)

const partitions = 8
const members = { beatMs: 100, suspectMs: 300, deadMs: 1000 }

type Joined = { readonly node: Node; readonly bus: MemoryConnection }

function openWorld() {
  const all: Joined[] = []
  const clock = openVirtualClock({
    start: Date.UTC(2026, 0, 1),
    progress: () =>
      all
        .flatMap(({ node }) =>
          node.partitions.map(({ position, depth }) => `${position.n}:${depth.queued}:${depth.staged}`),
        )
        .join(),
  })
  const log = openMemoryLog({ realm: 'shop', partitions, clock })
  const realm = openTestRealm(log.connect(), clock)
  let sent = 0

  const world = {
    clock,
    log,
    async join(name: string, options: Partial<NodeOptions> = {}): Promise<Joined> {
      const bus = log.connect()
      const opening = openTestNode(bus, [counters], { clock, options: { name, ...members, ...options } })
      opening.catch(() => undefined)
      await clock.advance(200)
      const joined = { node: await opening, bus }
      all.push(joined)
      return joined
    },
    async kill({ node, bus }: Joined): Promise<void> {
      bus.die()
      node.kill()
      all.splice(
        all.findIndex((one) => one.node === node),
        1,
      )
      await clock.advance(0)
    },
    /** One event to each of many actors, so that every partition has some. */
    async add(count = 20): Promise<void> {
      for (let at = 0; at < count; at++) {
        const sending = realm.ref(counters, `c${at}`).send({ type: 'ADD', n: ++sent })
        sending.catch(() => undefined)
      }
      await clock.advance(50)
    },
    /** By partition, who owns it. */
    owners: () =>
      Array.from({ length: partitions }, (_, number) =>
        all.flatMap(({ node }) => (node.partitions.some(({ partition }) => partition === number) ? [node.name] : [])),
      ),
    async counts(): Promise<number[]> {
      const found: number[] = []
      for (let at = 0; at < 20; at++) {
        const reading = realm.ref(counters, `c${at}`).read()
        await clock.advance(20)
        found.push((await reading)?.context.got.length ?? 0)
      }
      return found
    },
    all,
  }
  worlds.push(world)
  return world
}

const worlds: { readonly all: Joined[] }[] = []
afterEach(() => {
  for (const { all } of worlds.splice(0)) for (const { node } of all) node.kill()
})

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
