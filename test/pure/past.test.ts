/** An actor at an instant of the past is what it was then, however it is found out. */
import { crc32 } from 'node:zlib'
import { afterEach, expect, test } from 'vitest'
import { assign, sendTo, setup } from 'xstate'
import { actor, type ActorKind } from '#protocol/actor.ts'
import { kindOf, type Address } from '#protocol/address.ts'
import { type ActorState, encodeState } from '#protocol/state.ts'
import { realmHandleOf, type RealmHandle } from '#runtime/client/realm-handle.ts'
import { systemClock } from '#runtime/clock.ts'
import { cutShelfOf } from '#runtime/cuts/reading/cut-shelf.ts'
import { openCut } from '#runtime/cuts/reading/open-cut.ts'
import { restoreCut } from '#runtime/cuts/restoring/restore.ts'
import { openPlacedView } from '#runtime/mending/placed-view.ts'
import { openMemoryLog } from '#runtime/memory/memory-bus.ts'
import { openTestRealm } from '#runtime/test.ts'
import { uploadBase } from '#runtime/trimming/bases.ts'
import { baseOfRows, openBaseReader } from '#store/base-blob.ts'
import { openMemoryArchive } from '#store/memory-archive.ts'
import { openTestNode, openTestStore, realmOptions } from '#test/support/engine.ts'

type Adding = { readonly type: 'ADD'; readonly text: string }

/** Small enough to be written whole each time. */
const counter = actor(
  'counter',
  setup({ types: { context: {} as { n: number }, events: {} as Adding } }).createMachine({
    context: { n: 0 },
    on: { ADD: { actions: assign({ n: ({ context }) => context.n + 1 }) } },
  }),
  { version: 1 },
)

/** Large enough that what follows is written as differences. */
const diary = actor(
  'diary',
  setup({ types: { context: {} as { lines: string[] }, events: {} as Adding } }).createMachine({
    context: { lines: Array.from({ length: 200 }, (_, at) => `this stood here before: ${at}`) },
    on: { ADD: { actions: assign({ lines: ({ context, event }) => [...context.lines, event.text] }) } },
  }),
  { version: 1 },
)

const leaf = setup({ types: { events: {} as Adding } }).createMachine({ on: { ADD: {} } })

/** A child with a name: making it changes the root, which is not stepped by it. */
const limb = setup({ types: { events: {} as Adding }, actors: { leaf } }).createMachine({
  initial: 'bare',
  states: { bare: { on: { ADD: 'green' } }, green: { invoke: { src: 'leaf', id: 'leaf', systemId: 'named' } } },
})

const tree = actor(
  'tree',
  setup({ types: { events: {} as Adding }, actors: { limb } }).createMachine({
    invoke: { src: 'limb', id: 'limb' },
    on: { ADD: { actions: sendTo('limb', ({ event }) => event) } },
  }),
  { version: 1 },
)

const kinds = [counter, diary, tree]
const addresses: readonly Address[] = ['counter/a', 'counter/b', 'diary/a', 'tree/a']

const open: AsyncDisposable[] = []
afterEach(async () => {
  for (const one of open.splice(0).toReversed()) await one[Symbol.asyncDispose]()
})

type Memory = { readonly seq: number; readonly states: ReadonlyMap<Address, string> }

async function openWorld(): Promise<{
  readonly log: ReturnType<typeof openMemoryLog>
  readonly archive: ReturnType<typeof openMemoryArchive>
  openNode(): Promise<Awaited<ReturnType<typeof openTestNode>>>
  openRealm(): Promise<RealmHandle>
}> {
  const log = openMemoryLog({ realm: 'shop', partitions: 4, clock: systemClock })
  const archive = openMemoryArchive()
  return {
    log,
    archive,
    async openNode() {
      const node = await openTestNode(log.connect(), kinds, { archive })
      open.push(node)
      return node
    },
    async openRealm() {
      // What nodes tell of the log are positions.
      const bus = await openPlacedView({ bus: log.connect(), clock: systemClock }, realmOptions)
      const world = {
        bus,
        clock: systemClock,
        archive,
        generations: async () => log.generations,
        readBase: openBaseReader,
      }
      const realm = realmHandleOf(world, realmOptions)
      open.push(realm)
      return realm
    },
  }
}

type World = Awaited<ReturnType<typeof openWorld>>

function textOf(bytes: Uint8Array | undefined): string {
  return bytes === undefined ? 'none' : `${bytes.length} ${crc32(bytes)}`
}

/** Lets them all do something, and remembers after each what they are then. */
async function live(
  { log }: World,
  realm: RealmHandle,
  node: { settle(): Promise<void> },
  rounds: number,
): Promise<Memory[]> {
  const memories: Memory[] = []
  for (let round = 0; round < rounds; round++) {
    for (const address of addresses)
      if ((round * 7 + address.length) % 3 !== 0) await realm.send(address, { type: 'ADD', text: `line ${round}` })
    await node.settle()
    const { lastSeq } = await log.connect().logState()
    const states = new Map<Address, string>()
    for await (const { address, state } of realm.operate.list()) states.set(address, textOf(encodeState(state)))
    memories.push({ seq: lastSeq, states })
  }
  return memories
}

async function expectAsRemembered(realm: RealmHandle, memories: readonly Memory[]): Promise<Set<string>> {
  const ways = new Set<string>()
  const everybody = new Set(memories.flatMap(({ states }) => [...states.keys()]))
  for (const { seq, states } of memories)
    for (const address of everybody) {
      const { state, from } = await realm.past.at({ seq }, address)
      ways.add(`${kindOf(address)}: ${from}`)
      expect([seq, address, textOf(state && encodeState(state))]).toEqual([seq, address, states.get(address) ?? 'none'])
    }
  return ways
}

/** All that everybody was given, and what diaries were given in the middle of it. */
async function inputsOf(realm: RealmHandle): Promise<readonly unknown[]> {
  const found: unknown[] = []
  for (const address of addresses)
    for await (const { seq, type, record, arrival } of realm.past.inputs(address))
      found.push([seq, type, record, arrival])
  expect(found.length).toBeGreaterThan(20)
  for await (const one of realm.past.inputs('diary/a', { from: { seq: 20 }, until: { seq: 40 } })) found.push(one)
  return found
}

test('at every place each actor is what it was when that was the end of the log', async () => {
  const world = await openWorld()
  const node = await world.openNode()
  const realm = await world.openRealm()
  const memories = await live(world, realm, node, 12)
  const ways = await expectAsRemembered(realm, memories)
  expect(ways).toContain('counter: log')
  expect(ways).toContain('counter: present')
})

test('at every time they are what they were then, with a node and without one [NM19]', async () => {
  const world = await openWorld()
  const node = await world.openNode()
  const realm = await world.openRealm()
  const memories = await live(world, realm, node, 8)
  const times: number[] = []
  for (const { seq } of memories) {
    const commits = await Promise.all(addresses.map((address) => realm.past.at({ seq }, address)))
    times.push(Math.max(...commits.map(({ commit }) => commit?.at ?? 0)))
  }
  const seen = new Map<string, unknown>()
  for (const isServed of [true, false]) {
    if (!isServed) await node.stop()
    for (const time of times)
      for (const address of addresses) {
        // Several commits may be of one instant: the last place of that is meant.
        const { commit, state, at } = await realm.past.at({ time }, address)
        expect(at).toBe(time)
        const same = await realm.past.at({ seq: commit?.seq ?? 0 }, address)
        expect([isServed, time, address, state]).toEqual([isServed, time, address, same.state])
        expect(commit?.at ?? 0).toBeLessThanOrEqual(time)
        const key = `${time} ${address}`
        if (isServed) seen.set(key, [commit?.n, state])
        else expect([key, commit?.n, state]).toEqual([key, ...(seen.get(key) as unknown[])])
        const next = await realm.past.at({ time: time + 1e9 }, address)
        expect(next.state?.steps ?? 0).toBeGreaterThanOrEqual(state?.steps ?? 0)
      }
  }
})

test('without a node the log says the same', async () => {
  const world = await openWorld()
  const node = await world.openNode()
  const realm = await world.openRealm()
  const memories = await live(world, realm, node, 12)
  const asked = await inputsOf(realm)
  await node.stop()
  const ways = await expectAsRemembered(realm, memories)
  expect([...ways].every((way) => way.endsWith('beginning'))).toBe(true)
  expect(await inputsOf(realm)).toEqual(asked)
})

test('a cut is where it begins, and a cut that is damaged or removed is passed over', async () => {
  const world = await openWorld()
  const node = await world.openNode()
  const realm = await world.openRealm()
  const before = await live(world, realm, node, 6)
  const cut = await node.cuts?.take({ name: 'middle', by: 'test' }).whole
  const after = await live(world, realm, node, 6)
  const inCut = await realm.past.at({ cut: 'middle' }, 'diary/a')
  expect(inCut.at).toBe((await realm.cuts.open('middle')).manifest.recordedAt)
  expect(textOf(inCut.state && encodeState(inCut.state))).toBe(before.at(-1)?.states.get('diary/a'))
  await node.stop()
  expect(await expectAsRemembered(realm, after)).toEqual(new Set(['counter: cut', 'diary: cut', 'tree: cut']))
  expect(await expectAsRemembered(realm, before)).toEqual(
    new Set(['counter: beginning', 'diary: beginning', 'tree: beginning']),
  )
  const name = `cut.${cut?.id}`
  await world.archive.documents.remove(name)
  await world.log.connect().cuts.remove(name)
  expect(await expectAsRemembered(realm, after)).toEqual(
    new Set(['counter: beginning', 'diary: beginning', 'tree: beginning']),
  )
})

test('what the log has forgotten is found behind a base, and before it the fault says why not', async () => {
  const world = await openWorld()
  const bus = world.log.connect()
  const node = await world.openNode()
  const realm = await world.openRealm()
  const before = await live(world, realm, node, 4)
  for (let partition = 0; partition < 4; partition++) await uploadBase({ bus, store: node.store }, partition)
  const base = (await bus.logState()).lastSeq
  const after = await live(world, realm, node, 4)
  await node.stop()
  await bus.purge('shop.>', base)
  expect(await expectAsRemembered(realm, after)).toEqual(new Set(['counter: base', 'diary: base', 'tree: base']))
  // Of the inputs before the base nothing is known; those behind it are all there.
  const inputs = []
  for await (const input of realm.past.inputs('diary/a')) inputs.push(input)
  expect(inputs.length).toBeGreaterThan(0)
  expect(inputs.every(({ seq, arrival }) => seq > base && arrival !== undefined)).toBe(true)
  const [first] = before
  await expect(realm.past.at({ seq: first?.seq ?? 0 }, 'diary/a')).rejects.toMatchObject({ code: 'past.unreachable' })
})

test('a cut that the log no longer reaches from is passed over for a base that it does', async () => {
  const world = await openWorld()
  const bus = world.log.connect()
  const node = await world.openNode()
  const realm = await world.openRealm()
  await live(world, realm, node, 3)
  await node.cuts?.take({ name: 'early', by: 'test' }).whole
  await live(world, realm, node, 3)
  for (let partition = 0; partition < 4; partition++) await uploadBase({ bus, store: node.store }, partition)
  const base = (await bus.logState()).lastSeq
  const after = await live(world, realm, node, 3)
  await node.stop()
  await bus.purge('shop.>', base)
  expect(await expectAsRemembered(realm, after)).toEqual(new Set(['counter: base', 'diary: base', 'tree: base']))
})

test('a store that began with a base knows no history before it, and the log is read instead', async () => {
  const world = await openWorld()
  const bus = world.log.connect()
  const node = await world.openNode()
  const realm = await world.openRealm()
  const memories = await live(world, realm, node, 6)
  const bases = await Promise.all([0, 1, 2, 3].map((partition) => node.store.base(partition)))
  await node.stop()
  const store = await openTestStore(bus)
  for (const bytes of bases) await store.loadBase(bytes)
  const next = await openTestNode(world.log.connect(), kinds, { archive: world.archive, store })
  open.push(next)
  const later = await live(world, realm, next, 3)
  await expectAsRemembered(realm, [...memories, ...later])
})

test('behind a restore each instant is of the realm that there was then', async () => {
  const world = await openWorld()
  const { log, archive } = world
  let cut: string
  let memories: Memory[]
  {
    const node = await world.openNode()
    const realm = await world.openRealm()
    memories = await live(world, realm, node, 4)
    cut = (await node.cuts?.take({ name: 'first', by: 'test' }).whole)?.id ?? ''
    memories.push(...(await live(world, realm, node, 3)))
    await node.stop()
  }
  const shelf = cutShelfOf({ bus: log.connect(), archive })
  const view = await openCut({ shelf, archive }, cut)
  await restoreCut({ generations: log.generations, clock: systemClock, baseOf: baseOfRows }, view, {}, () => undefined)
  const node = await world.openNode()
  const realm = await world.openRealm()
  const place = (await realm.bus.logState()).lastSeq
  const restored = { seq: place, states: memories[3]?.states ?? new Map<Address, string>() }
  await expectAsRemembered(realm, [...memories, restored])
  const first = await realm.past.at({ seq: place }, 'counter/a')
  await realm.send('counter/a', { type: 'ADD', text: 'after' })
  await node.settle()
  expect((await realm.past.at({ seq: place }, 'counter/a')).state).toEqual(first.state)
  expect((await realm.past.at({ time: Date.now() }, 'counter/a')).state?.steps).toBe((first.state?.steps ?? 0) + 1)
})

/** Its second version counts under another name. */
function tallyOf(version: 1 | 2): ActorKind {
  const name = version === 1 ? 'n' : 'count'
  const machine = setup({ types: { events: {} as Adding } }).createMachine({
    context: { [name]: 0 },
    initial: version === 1 ? 'old' : 'new',
    states: {
      [version === 1 ? 'old' : 'new']: {
        on: { ADD: { actions: assign(({ context }) => ({ [name]: Number(context[name] ?? 0) + 1 })) } },
      },
    },
  })
  const up = (state: ActorState): ActorState => {
    const { n } = state.snapshot.context as { n: number }
    return { ...state, snapshot: { ...state.snapshot, value: 'new', context: { count: n } } }
  }
  return actor('tally', machine, version === 1 ? { version } : { version, migrate: { 1: up } })
}

test('behind a rollout each instant is of the version that there was then, and a replay goes through it', async () => {
  await using realm = await openTestRealm({ actors: [tallyOf(1)] })
  const places: number[] = []
  for (let at = 0; at < 4; at++) {
    if (at === 2) await realm.restart({ actors: [tallyOf(2)] })
    await realm.send('tally/a', { type: 'ADD', text: '' })
    await realm.settle()
    places.push((await realm.bus.logState()).lastSeq)
  }
  const then = await Promise.all(places.map((seq) => realm.past.at({ seq }, 'tally/a')))
  expect(then.map(({ state }) => [state?.version, state?.snapshot.value, state?.snapshot.context])).toEqual([
    [1, 'old', { n: 1 }],
    [1, 'old', { n: 2 }],
    [2, 'new', { count: 3 }],
    [2, 'new', { count: 4 }],
  ])
  const steps = []
  const until = { seq: places[1] ?? 0 }
  for await (const step of realm.past.debug('tally/a', { kind: tallyOf(1), until })) steps.push(step)
  for await (const step of realm.past.debug('tally/a', { kind: tallyOf(2), from: until })) steps.push(step)
  expect(steps.filter(({ record }) => record !== undefined)).toEqual([])
  expect(steps.map(({ old }) => old?.value)).toEqual(['old', 'old', 'new', 'new'])
})
