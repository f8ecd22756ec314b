/** What a store holds can be made again from the log: a part of it that cannot be read costs a rebuild and no more. */
import { afterEach, expect, test } from 'vitest'
import { assign, createMachine, setup } from 'xstate'
import { actor } from '#protocol/actor.ts'
import type { Address } from '#protocol/address.ts'
import { Fault } from '#protocol/fault.ts'
import { partitionOf } from '#protocol/partition.ts'
import { type MemoryConnection, openMemoryLog } from '#runtime/memory/memory-bus.ts'
import { openVirtualClock } from '#runtime/memory/virtual-clock.ts'
import type { Node, NodeOptions } from '#runtime/node.ts'
import { onTrace, type Trace } from '#runtime/trace.ts'
import { openMemoryDisk, openMemoryStore } from '#store/memory-store.ts'
import type { Store } from '#store/store.ts'
import { openTestNode, openTestRealm } from '#test/support/engine.ts'

const partitions = 4
const members = { beatMs: 100, suspectMs: 300, deadMs: 1000 }

type Ctx = { readonly got: readonly number[]; readonly text: string }

/** Large enough that its records hold differences only. */
const lists = actor(
  'list',
  setup({ types: { context: {} as Ctx, events: {} as { type: 'ADD'; n: number } } }).createMachine({
    context: { got: [], text: 'x'.repeat(10_000) },
    on: { ADD: { actions: assign({ got: ({ context, event }) => [...context.got, event.n] }) } },
  }),
)

/** Looks at its child when it is told to. */
const parents = actor(
  'parent',
  setup({
    types: { context: {} as { seen: unknown }, events: {} as { type: 'LOOK' } },
    actors: { child: createMachine({}) },
  }).createMachine({
    context: { seen: undefined },
    invoke: { src: 'child', id: 'kid' },
    on: {
      LOOK: { actions: assign({ seen: ({ self }) => self.getSnapshot().children['kid']?.getSnapshot().status }) },
    },
  }),
)

type Damage = {
  readonly address: Address
  /** What reading it gives; by default the row itself is damaged. */
  readonly reads?: () => unknown[] | undefined
  /** It is there again after every rebuild. */
  readonly isLasting?: boolean
}

/** A store of which one actor cannot be read, until its partition is made anew. */
function damaged(store: Store, given: Damage) {
  let damage: Damage | undefined = given
  const reads = (): unknown[] | undefined => {
    if (damage?.reads !== undefined) return damage.reads()
    throw new Fault('store.corrupt', { value: 'here', reason: `the state of ${given.address} is damaged` })
  }
  const broken: Store = {
    ...store,
    read: (address) => (address === damage?.address ? reads() : store.read(address)),
    async dropPartition(partition) {
      if (damage !== undefined && partition === partitionOf(damage.address, partitions) && damage.isLasting !== true)
        damage = undefined
      await store.dropPartition(partition)
    },
  }
  return { store: broken, mend: () => void (damage = undefined) }
}

function openWorld() {
  const nodes: { readonly node: Node; readonly bus: MemoryConnection }[] = []
  const clock = openVirtualClock({
    start: Date.UTC(2026, 0, 1),
    progress: () =>
      nodes.flatMap(({ node }) => node.partitions.map(({ position, depth }) => `${position.n} ${depth.queued}`)).join(),
  })
  const log = openMemoryLog({ realm: 'shop', partitions, clock })
  const realm = openTestRealm(log.connect(), clock)
  const traces: Trace[] = []
  const hearing = onTrace((one) => traces.push(one))
  const made = {
    ...{ clock, log, realm, traces },
    traced: <T extends Trace['is']>(is: T) => traces.filter((one): one is Extract<Trace, { is: T }> => one.is === is),
    async done<T>(work: Promise<T>, ms = 200): Promise<T> {
      work.catch(() => undefined)
      await clock.advance(ms)
      return await work
    },
    async join(
      name: string,
      given: { disk?: ReturnType<typeof openMemoryDisk>; damage?: Damage } & Partial<NodeOptions>,
    ) {
      const { disk = openMemoryDisk(), damage, ...options } = given
      const bus = log.connect()
      const { createdAt } = await bus.logState()
      const plain = openMemoryStore({ identity: { realm: 'shop', generation: 0, partitions, log: createdAt }, disk })
      const { store, mend } = damage === undefined ? { store: plain, mend: () => undefined } : damaged(plain, damage)
      const node = await made.done(
        openTestNode(bus, [lists, parents], { clock, store, options: { name, ...options } }),
        3000,
      )
      nodes.push({ node, bus })
      return {
        ...{ node, disk, mend, store },
        async kill() {
          bus.die()
          node.kill()
          disk.crash()
          await clock.advance(0)
          return disk
        },
      }
    },
    async add(address: Address, ...numbers: number[]) {
      for (const n of numbers) void realm.send(address, { type: 'ADD', n }).catch(() => undefined)
      await clock.advance(200)
    },
    async got(address: Address): Promise<unknown> {
      return ((await made.done(realm.operate.show(address)))?.state.snapshot.context as Ctx | undefined)?.got
    },
    end() {
      hearing.stop()
      for (const { node } of nodes) node.kill()
    },
  }
  return made
}

let world: ReturnType<typeof openWorld>
afterEach(() => world.end())

/** A process that has something stored, and ended. */
async function stored(): Promise<ReturnType<typeof openMemoryDisk>> {
  world = openWorld()
  const first = await world.join('a', {})
  for (const key of ['a', 'b', 'c', 'd', 'e']) await world.add(`list/${key}`, 1, 2, 3)
  await world.done(first.node.settle())
  world.traces.length = 0
  return await first.kill()
}

const rebuilt = (): readonly string[] => world.traced('fold.rebuilt').map(({ reason }) => reason)

test.each([
  ['is damaged', {}],
  ['is no state', { reads: () => ['no', 'state'] }],
] as const)(
  'a stored actor that %s, and is to be stepped: its partition is folded anew, and goes on',
  async (_, how) => {
    const disk = await stored()
    await world.join('a', { disk, damage: { address: 'list/a', ...how } })
    await world.add('list/a', 4)
    await world.clock.advance(2000)
    expect(await world.got('list/a')).toEqual([1, 2, 3, 4])
    expect(rebuilt()).toEqual([expect.stringContaining(`partition ${partitionOf('list/a', partitions)}`)])
    expect(world.traced('parked')).toEqual([])
    for (const key of ['b', 'c', 'd', 'e']) expect(await world.got(`list/${key}`)).toEqual([1, 2, 3])
  },
)

test('what the log holds does not fit the stored state: the claim folds that partition anew', async () => {
  world = openWorld()
  const first = await world.join('a', {})
  await world.add('list/a', 1, 2)
  await world.done(first.node.settle())
  // The last one is on the log, and in the store of nobody.
  const fold = first.store.fold
  Object.assign(first.store, {
    fold: (...given: Parameters<typeof fold>) => (given[0].length > 0 ? new Promise(() => undefined) : fold(...given)),
  })
  await world.add('list/a', 3)
  const disk = await first.kill()
  await world.join('a', { disk, damage: { address: 'list/a', reads: () => [1, 1, 'h', 0, 'idle', []] } })
  expect(rebuilt()).toEqual([expect.stringContaining('delta.unfit')])
  expect(await world.got('list/a')).toEqual([1, 2, 3])
})

test('who looks at an actor that cannot be read is the one that finds out', async () => {
  const disk = await stored()
  await world.join('a', { disk, damage: { address: 'list/a' } })
  await expect(world.got('list/a')).rejects.toThrow(/store\.corrupt/)
  await world.clock.advance(2000)
  expect(await world.got('list/a')).toEqual([1, 2, 3])
  expect(rebuilt()).toHaveLength(1)
})

test('what cannot be read of a family is no failure of the machine that looks at it', async () => {
  world = openWorld()
  const first = await world.join('a', {})
  await world.done(world.realm.send('parent/p', { type: 'WAKE' }))
  await world.done(first.node.settle())
  await world.join('a', { disk: await first.kill(), damage: { address: 'parent/p~kid~1' } })
  await world.done(world.realm.send('parent/p', { type: 'LOOK' }))
  await world.clock.advance(2000)
  expect(rebuilt()).toHaveLength(1)
  expect(world.traced('parked')).toEqual([])
  const parent = await world.done(world.realm.operate.show('parent/p'))
  expect(parent?.state.snapshot.context).toEqual({ seen: 'active' })
})

test.each([
  ['alone', {}],
  ['with others', members],
] as const)(
  'what fails again each time is tried again after pauses that grow, and why is told (%s)',
  async (_, beats) => {
    const disk = await stored()
    const partition = partitionOf('list/a', partitions)
    const { mend, node } = await world.join('a', { disk, damage: { address: 'list/a', isLasting: true }, ...beats })
    await world.add('list/a', 4)
    const begun = world.traced('partition.claimed').length
    await world.clock.advance(600_000)
    const claims = world.traced('partition.claimed').length - begun
    expect(claims).toBeGreaterThan(5)
    expect(claims).toBeLessThan(30)
    expect(world.traced('partitions.wait').at(0)).toMatchObject({
      partitions: [partition],
      reason: expect.stringContaining('store.corrupt'),
    })
    expect(node.health().waits).toEqual([{ partition, reason: expect.stringContaining('store.corrupt') }])
    for (const key of ['b', 'c', 'd', 'e'].filter((one) => partitionOf(`list/${one}`, partitions) !== partition))
      expect(await world.got(`list/${key}`)).toEqual([1, 2, 3])
    mend()
    await world.clock.advance(65_000)
    expect(await world.got('list/a')).toEqual([1, 2, 3, 4])
    expect(node.health().waits).toEqual([])
    expect(world.traced('partitions.wait').at(-1)?.reason).toBeUndefined()
  },
)

test('who follows drops what it cannot read, and takes over with all of it', async () => {
  world = openWorld()
  const owner = await world.join('a', members)
  await world.add('list/a', 1, 2, 3)
  const other = await world.join('b', { ...members, capacity: 0.001, damage: { address: 'list/a' } })
  await world.add('list/a', 4, 5)
  await world.clock.advance(3000)
  expect(other.node.partitions.some((one) => one.partition === partitionOf('list/a', partitions))).toBe(false)
  expect(rebuilt()).toHaveLength(1)
  await world.add('list/a', 6)
  await world.clock.advance(3000)
  await owner.kill()
  await world.clock.advance(5000)
  expect(await world.got('list/a')).toEqual([1, 2, 3, 4, 5, 6])
  expect(rebuilt()).toHaveLength(1)
})
