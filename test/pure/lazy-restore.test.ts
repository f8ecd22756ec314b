/** A restore that leaves the unpacking to the nodes brings back what any other does, and serves each partition as soon as it can. */
import { assign, setup } from 'xstate'
import { expect, test } from 'vitest'
import { actor } from '#protocol/actor.ts'
import { type Address, addressOf } from '#protocol/address.ts'
import { cutNames, type SegmentRef } from '#protocol/cut.ts'
import { partitionOf } from '#protocol/partition.ts'
import { onTrace } from '#runtime/trace.ts'
import { newestBases } from '#runtime/trimming/bases.ts'
import { openBaseReader } from '#store/base-blob.ts'
import { openTestNode, openTestStore } from '#test/support/engine.ts'
import { turn } from '#test/support/manual-clock.ts'
import { add, afterwards, counter, got } from '#test/support/restore-words.ts'
import { openRestoreRealm, type RestoreRealm } from '#test/support/restore-world.ts'

const sleeper = actor(
  'sleeper',
  setup({
    types: { context: {} as { rang: number }, events: {} as { type: 'LIE' } },
    delays: { night: 60_000 },
  }).createMachine({
    context: { rang: 0 },
    initial: 'up',
    states: {
      up: { on: { LIE: 'asleep' } },
      asleep: { after: { night: { target: 'up', actions: assign({ rang: ({ context }) => context.rang + 1 }) } } },
    },
  }),
)

const keys = Array.from({ length: 30 }, (_, at) => `k${at}`)

/** Of two cuts in layers, the second built on the first. */
async function populated(): Promise<RestoreRealm> {
  const world = await openRestoreRealm([counter, sleeper])
  await world.start()
  for (const key of keys) await add(world, key, 'one')
  await world.take('first')
  for (const key of keys.slice(0, 5)) await add(world, key, 'two')
  await world.realm.operate.delete(addressOf('counter', 'k7'))
  await world.realm.send('sleeper/a', { type: 'LIE' })
  await world.settle()
  return world
}

const allOf = (world: RestoreRealm): Promise<unknown[]> => Promise.all(keys.map((key) => got(world, key)))

async function formsOf(world: RestoreRealm): Promise<unknown> {
  const bus = world.log.connect()
  const { name: realm, generation, partitions } = bus.realm
  const forms: string[] = []
  for (const { name } of (await newestBases(bus)).values()) {
    const bytes = (await bus.blobs.get(name)) as Uint8Array
    const base = await openBaseReader(bytes, { realm, generation, partitions, log: '' })
    forms.push(base.sealed === undefined ? 'rows' : 'segments')
  }
  return [...new Set(forms)]
}

test('what is restored lazily is what was in the cut, layers and all, and timers of actors that nobody touched ring when they are due', async () => {
  await using world = await populated()
  const before = await allOf(world)
  const view = await world.take('second')
  expect((await view.slice(0)).layers.length).toBeGreaterThan(1)
  for (const key of keys) await add(world, key, 'after the cut')
  expect(await world.restore(view, { isLazy: true })).toMatchObject({ actors: keys.length, generation: 1 })
  expect(await formsOf(world)).toEqual(['segments'])
  await afterwards(world)
  expect(await allOf(world)).toEqual(before)
  expect((await world.state('sleeper/a'))?.snapshot.context).toEqual({ rang: 0 })
  await world.pass(60_000)
  expect((await world.state('sleeper/a'))?.snapshot.context).toEqual({ rang: 1 })
  await add(world, 'k1', 'three')
  expect(await got(world, 'k1')).toEqual(['one', 'two', 'three'])
})

test('where the cut stays beside the realm its bases only name what it holds, and one that is gone is named by the fault', async () => {
  await using world = await populated()
  const before = await allOf(world)
  const view = await world.take('second')
  await world.restore(view, { isLazy: true, isShared: true })
  const bus = world.log.connect()
  const held = [...(await view.segments()).values()].reduce((sum, { bytes }) => sum + bytes, 0)
  const bases = await Promise.all([...(await newestBases(bus)).values()].map(({ name }) => bus.blobs.get(name)))
  expect(bases.reduce((sum, bytes) => sum + bytes!.length, 0)).toBeLessThan(held)
  const [{ id }] = (await view.slice(0)).layers.flat() as [SegmentRef]
  const bytes = (await bus.cuts.get(cutNames.segment(id))) as Uint8Array
  await bus.cuts.remove(cutNames.segment(id))
  await world.pass(3000)
  const without = openTestNode(bus, [counter, sleeper], {
    clock: world.clock,
    store: await openTestStore(bus, world.archive),
  })
  await expect(world.during(without)).rejects.toMatchObject({ code: 'cut.missing', details: { value: id } })
  await bus.cuts.put(cutNames.segment(id), bytes)
  world.reopen()
  await world.start({ name: 'after' })
  expect(await allOf(world)).toEqual(before)
})

test.for([
  ['another number of partitions', { partitions: 3 }],
  ['instants that move', { timers: 'shifted' }],
] as const)('with %s the states are unpacked before anything opens', async ([, options]) => {
  await using world = await populated()
  const before = await allOf(world)
  const view = await world.take('second')
  await world.pass(1000)
  await world.restore(view, { ...options, isLazy: true })
  expect(await formsOf(world)).toEqual(['rows'])
  await afterwards(world)
  expect(await allOf(world)).toEqual(before)
})

test('a node without the key does not serve what is sealed, says which key it needs, and another serves it', async () => {
  await using world = await populated()
  const before = await allOf(world)
  const view = await world.take('second')
  await world.restore(view, { isLazy: true })
  await world.pass(3000)
  const bus = world.log.connect()
  const without = openTestNode(bus, [counter, sleeper], { clock: world.clock, store: await openTestStore(bus) })
  await expect(world.during(without)).rejects.toMatchObject({ code: 'base.sealed' })
  world.reopen()
  await world.start({ name: 'after' })
  expect(await allOf(world)).toEqual(before)
})

test('each partition is served as soon as its own base is in the store, however long that of another takes', async () => {
  await using world = await populated()
  const view = await world.take('second')
  await world.restore(view)
  await world.pass(3000)
  const plain = world.log.connect()
  const held = Promise.withResolvers<void>()
  const slow = 2
  const blobs = {
    ...plain.blobs,
    get: async (name: string) => {
      if (name.startsWith(`base.${slow}.`)) await held.promise
      return await plain.blobs.get(name)
    },
  }
  const opened = new Set<number>()
  const hearing = onTrace((one) => {
    if (one.is === 'committed') opened.add(one.partition)
  })
  world.reopen()
  const starting = openTestNode({ ...plain, blobs }, [counter, sleeper], {
    clock: world.clock,
    archive: world.archive,
    store: await openTestStore(plain, world.archive),
  })
  for (const key of keys) await world.realm.send(`counter/${key}`, { type: 'ADD', word: 'early' })
  const early = new Set(keys.map((key) => partitionOf(`counter/${key}` as Address, 4)))
  const others = [...early].filter((one) => one !== slow)
  while (!others.every((one) => opened.has(one))) await turn()
  expect(opened.has(slow)).toBe(false)
  held.resolve()
  const node = await world.during(starting)
  await world.settle()
  expect(node.partitions).toHaveLength(4)
  hearing.stop()
  node.kill()
})
