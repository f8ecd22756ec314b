/** A node that serves what it has not unpacked yet: killed, asked and cut on the way it says what it would have said at the end. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { assign, setup } from 'xstate'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { actor } from '#protocol/actor.ts'
import { Fault } from '#protocol/fault.ts'
import { decodeState } from '#protocol/state.ts'
import { systemClock } from '#runtime/clock.ts'
import { cutShelfOf } from '#runtime/cuts/reading/cut-shelf.ts'
import { type CutView, openCut } from '#runtime/cuts/reading/open-cut.ts'
import { restoreCut } from '#runtime/cuts/restoring/restore.ts'
import { openMemoryLog } from '#runtime/memory/memory-bus.ts'
import type { Node } from '#runtime/node.ts'
import { onTrace } from '#runtime/trace.ts'
import { newestBases } from '#runtime/trimming/bases.ts'
import { baseOfRows, openBaseReader } from '#store/base-blob.ts'
import { openLmdbStore } from '#store/lmdb-store.ts'
import { openMemoryArchive } from '#store/memory-archive.ts'
import { sealedBaseOf } from '#store/sealed-base.ts'
import type { Store } from '#store/store.ts'
import { openTestNode, openTestRealm } from '#test/support/engine.ts'

const counter = actor(
  'counter',
  setup({
    types: { context: {} as { n: number; late: number }, events: {} as { type: 'ADD'; by: number } | { type: 'WAIT' } },
    delays: { soon: 1500 },
  }).createMachine({
    context: { n: 0, late: 0 },
    initial: 'idle',
    on: { ADD: { actions: assign({ n: ({ context, event }) => context.n + event.by }) } },
    states: {
      idle: { on: { WAIT: 'waiting' } },
      waiting: { after: { soon: { target: 'idle', actions: assign({ late: ({ context }) => context.late + 1 }) } } },
    },
  }),
)
const keys = Array.from({ length: 40 }, (_, at) => `k${at}`)
const partitions = 2

let dir: string
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'perdure-unpack-'))
})
afterEach(() => rm(dir, { recursive: true, force: true }))

/** A realm whose actors counted to 1, 2, 3 …, restored lazily: nobody serves it yet. `k0` waits for an instant. */
async function restored() {
  const log = openMemoryLog({ realm: 'shop', partitions, clock: systemClock })
  const archive = openMemoryArchive(undefined, Buffer.alloc(32, 9))
  const realm = openTestRealm(log.connect())
  const first = await openTestNode(log.connect(), [counter], { archive })
  for (const [at, key] of keys.entries()) await realm.ref(counter, key).send({ type: 'ADD', by: at + 1 })
  for (const [at, key] of keys.entries())
    await realm.ref(counter, key).waitFor(({ context }) => context.n === at + 1, { timeoutMs: 120_000 })
  await realm.ref(counter, 'k0').send({ type: 'WAIT' })
  await realm.ref(counter, 'k0').waitFor(({ value }) => value === 'waiting', { timeoutMs: 120_000 })
  const { id } = await first.cuts!.take({ name: 'first', by: 'test' }).whole
  const viewOf = (cut: string): Promise<CutView> =>
    openCut({ shelf: cutShelfOf({ bus: log.connect(), archive }), archive }, cut)
  const world = { generations: log.generations, clock: systemClock, baseOf: baseOfRows, sealedBaseOf }
  await restoreCut(world, await viewOf(id), { isLazy: true }, () => undefined)
  await first.ended
  await realm.close()
  return { log, archive, viewOf }
}

type World = Awaited<ReturnType<typeof restored>>

/** A process with the store on disk: it unpacks three actors each time that it is told to. */
async function start({ log, archive }: World, steps: { left: number }) {
  const bus = log.connect()
  const { name: realm, generation } = bus.realm
  const { createdAt } = await bus.logState()
  const plain = await openLmdbStore({
    ...{ dir, mapBytes: 2 ** 26, unseal: archive.unsealed },
    identity: { realm, generation, partitions, log: createdAt },
  })
  let wake = Promise.withResolvers<void>()
  const store: Store = {
    ...plain,
    async fill(partition) {
      while (steps.left <= 0) await wake.promise
      steps.left--
      return await plain.fill(partition, 3)
    },
  }
  const node = await openTestNode(bus, [counter], { store, archive, options: { aliveMs: 50 } })
  return {
    bus,
    node,
    store: plain,
    allow(more: number) {
      steps.left += more
      wake.resolve()
      wake = Promise.withResolvers()
    },
    async kill() {
      bus.die()
      node.kill()
      await node.ended
      await plain.close()
    },
  }
}

async function countsOf({ log }: World): Promise<readonly number[]> {
  const realm = openTestRealm(log.connect())
  const found = await Promise.all(
    keys.map(async (key) => {
      const shown = await realm.operate.show(`counter/${key}`)
      return (shown?.state.snapshot.context as { n: number } | undefined)?.n ?? 0
    }),
  )
  await realm.close()
  return found
}

async function countsIn(view: CutView): Promise<readonly number[]> {
  return await Promise.all(
    keys.map(async (key) => {
      const { context } = decodeState((await view.state(`counter/${key}`)) as Uint8Array).snapshot
      return (context as { n: number }).n
    }),
  )
}

const leftIn = (store: Store): number => [...store.underlays().values()].reduce((sum, left) => sum + left, 0)

async function until(what: () => boolean): Promise<void> {
  while (!what()) await new Promise((resolve) => setImmediate(resolve))
}

/** By adding: of every fourth, one more. */
async function addSome({ log }: World, counts: readonly number[]): Promise<readonly number[]> {
  const realm = openTestRealm(log.connect())
  const next = counts.map((n, at) => (at % 4 === 0 ? n + 1 : n))
  for (const [at, key] of keys.entries())
    if (at % 4 === 0) {
      await realm.ref(counter, key).send({ type: 'ADD', by: 1 })
      await realm.ref(counter, key).waitFor(({ context }) => context.n === next[at], { timeoutMs: 120_000 })
    }
  await realm.close()
  return next
}

test('killed while it unpacks, and in between asked, stepped and cut, it is at each instant what it would be unpacked', async () => {
  const world = await restored()
  const steps = { left: 2 }
  let one = await start(world, steps)
  let counts: readonly number[] = keys.map((_, at) => at + 1)
  expect(await countsOf(world)).toEqual(counts)
  for (let round = 0; round < 3; round++) {
    counts = await addSome(world, counts)
    const { id } = await one.node.cuts!.take({ name: `cut${round}`, by: 'test' }).whole
    expect(leftIn(one.store)).toBeGreaterThan(0)
    expect(await countsIn(await world.viewOf(id))).toEqual(counts)
    expect(await countsOf(world)).toEqual(counts)
    await one.node.settle()
    await one.kill()
    one = await start(world, steps)
    one.allow(2)
    await until(() => steps.left === 0)
  }
  expect(await countsOf(world)).toEqual(counts)
  one.allow(1000)
  await until(() => one.store.underlays().size === 0)
  counts = await addSome(world, counts)
  expect(await countsOf(world)).toEqual(counts)
  await one.kill()
}, 60_000)

test('a timer of an actor that nobody touched rings while it still lies there packed', async () => {
  const world = await restored()
  const one = await start(world, { left: 0 })
  const realm = openTestRealm(world.log.connect())
  await realm.ref(counter, 'k0').waitFor(({ context }) => context.late === 1, { timeoutMs: 120_000 })
  expect(leftIn(one.store)).toBe(keys.length)
  await realm.close()
  await one.kill()
})

test('once all is unpacked its bases hold rows, also when its owner died before it had uploaded them, and a node without any key begins with them', async () => {
  const world = await restored()
  const before = await start(world, { left: 0 })
  // It dies with all of it unpacked; nobody has uploaded anything.
  before.bus.blobs.put = () => Promise.reject(new Fault('bus.timeout', { ms: 1 }))
  let hasFailed = false
  const failing = onTrace((event) => void (hasFailed ||= event.is === 'base.failed'))
  before.allow(1000)
  await until(() => hasFailed)
  failing.stop()
  expect(leftIn(before.store)).toBe(0)
  await before.kill()
  const uploaded = new Set<number>()
  const hearing = onTrace((event) => {
    if (event.is === 'base.uploaded') uploaded.add(event.partition)
  })
  const one = await start(world, { left: 1000 })
  await until(() => one.store.underlays().size === 0)
  expect(uploaded.size).toBe(partitions)
  hearing.stop()
  await one.kill()
  const bus = world.log.connect()
  const { name: realm, generation } = bus.realm
  const identity = { realm, generation, partitions, log: (await bus.logState()).createdAt }
  for (const { name } of (await newestBases(bus)).values())
    expect((await openBaseReader((await bus.blobs.get(name)) as Uint8Array, identity)).sealed).toBeUndefined()
  const without: Node = await openTestNode(bus, [counter])
  expect(await countsOf(world)).toEqual(keys.map((_, at) => at + 1))
  without.kill()
})
