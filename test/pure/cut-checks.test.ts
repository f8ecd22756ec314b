/** Every cut is looked at: for actors that wait for each other, and for what a program says must hold. */
import { afterEach, expect, test } from 'vitest'
import { assign, setup } from 'xstate'
import { actor } from '#protocol/actor.ts'
import type { Address } from '#protocol/address.ts'
import { type CutCheck, decodeCutCheck, encodeCutCheck } from '#protocol/cut-check.ts'
import type { CutManifest, StateRow } from '#protocol/cut.ts'
import type { Envelope } from '#protocol/envelope.ts'
import { type ActorState, type Book, encodeState } from '#protocol/state.ts'
import { realmHandleOf } from '#runtime/client/realm-handle.ts'
import { systemClock } from '#runtime/clock.ts'
import { tell } from '#runtime/core/actions.ts'
import { needsOfState } from '#runtime/core/needs.ts'
import { type Found, type UnderWay, waitsOf } from '#runtime/core/waits.ts'
import { checkCut } from '#runtime/cuts/reading/check-cut.ts'
import { cutChecksOf } from '#runtime/cuts/taking/cut-checks.ts'
import { type CutShelf, cutShelfOf } from '#runtime/cuts/reading/cut-shelf.ts'
import { type Invariant, invariant } from '#runtime/cuts/reading/invariant.ts'
import { type CutView, openCut } from '#runtime/cuts/reading/open-cut.ts'
import { openMemoryLog } from '#runtime/memory/memory-bus.ts'
import { onTrace } from '#runtime/trace.ts'
import { openMemoryArchive } from '#store/memory-archive.ts'
import { nodeOptions, openTestNode, openTestRealm, realmOptions } from '#test/support/engine.ts'

type Event =
  | { readonly type: 'CALL' }
  | { readonly type: 'SAY'; readonly other: string }
  | { readonly type: 'ASK'; readonly back: string }
  | { readonly type: 'ANSWER' }

/** While it waits for an answer, who asks it waits until it has that. */
const caller = actor(
  'caller',
  setup({ types: { context: {} as { answers: number }, events: {} as Event } }).createMachine({
    context: { answers: 0 },
    initial: 'free',
    states: {
      free: { on: { CALL: 'calling', ASK: { actions: tell(({ event }) => event.back, { type: 'ANSWER' }) } } },
      calling: {
        on: {
          SAY: {
            actions: tell(
              ({ event }) => event.other,
              ({ self }) => ({ type: 'ASK', back: (self as unknown as { address: string }).address }),
            ),
          },
          ANSWER: { target: 'free', actions: assign({ answers: ({ context }) => context.answers + 1 }) },
        },
      },
    },
  }),
  { version: 1, unhandled: 'defer' },
)

const open: AsyncDisposable[] = []
afterEach(async () => {
  for (const one of open.splice(0).toReversed()) await one[Symbol.asyncDispose]()
})

async function openWorld(): Promise<{
  call(pairs: readonly (readonly [from: string, other: string])[]): Promise<void>
  /** `read`: how many segments were. */
  check(invariants?: readonly Invariant[], checkMs?: number): Promise<CutCheck & { readonly read: number }>
}> {
  const log = openMemoryLog({ realm: 'shop', partitions: 4, clock: systemClock })
  const archive = openMemoryArchive()
  const node = await openTestNode(log.connect(), [caller], { archive })
  const realm = openTestRealm(log.connect())
  open.push(node, realm)
  return {
    async call(pairs) {
      // All of them wait before the first is asked.
      for (const [from] of pairs) await realm.ref(caller, from).send({ type: 'CALL' })
      await node.settle()
      for (const [from, other] of pairs) await realm.ref(caller, from).send({ type: 'SAY', other: `caller/${other}` })
      await node.settle()
    },
    async check(invariants = [], checkMs = 5000) {
      const { id = '' } = (await node.cuts?.take({ name: undefined, by: 'test' }).whole) ?? {}
      const shelf = cutShelfOf({ bus: log.connect(), archive })
      let read = 0
      const counted: CutShelf = { ...shelf, rows: (ref) => (read++, shelf.rows(ref)) }
      const view = await openCut({ shelf: counted, archive }, id)
      const check = await checkCut({ view, clock: systemClock, invariants }, { name: 'test', checkMs })
      return { ...check, read }
    },
  }
}

test.for([[['a', 'b']], [['a', 'b', 'c']], [['a', 'b', 'c', 'd', 'e']]] as const)(
  'callers %j that wait in a circle are named, with whom each waits for [U8]',
  async ([ring]) => {
    const world = await openWorld()
    const next = (at: number): string => ring[(at + 1) % ring.length] as string
    await world.call(ring.map((from, at) => [from, next(at)]))
    const { deadlocks } = await world.check()
    expect(deadlocks).toHaveLength(1)
    const [{ cycle } = { cycle: [] }] = deadlocks
    expect(cycle.map(({ from }) => from)).toEqual(ring.map((key) => `caller/${key}`))
    expect(cycle.map(({ for: other }) => other)).toEqual(ring.map((_, at) => `caller/${next(at)}`))
    expect(cycle.every(({ how, what }) => how === 'deferred' && what === 'ASK')).toBe(true)
  },
)

test('where nobody waits no state is read, and an invariant reads its kind only', async () => {
  const world = await openWorld()
  await world.call([['a', 'server']])
  await world.call([])
  expect(await world.check()).toMatchObject({ read: 0, counts: { deadlocks: 0, orphans: 0 } })
  const none = invariant('no box', async (cut) => (await Array.fromAsync(cut.actors('box'))).length === 0)
  const one = invariant('one caller', async (cut) => (await Array.fromAsync(cut.actors('caller'))).length >= 1)
  expect(await world.check([none])).toMatchObject({ read: 0, invariants: [{ holds: true }] })
  expect(await world.check([one])).toMatchObject({ read: 1, invariants: [{ holds: true }] })
})

test('callers in a row, whose last one is answered, are none', async () => {
  const world = await openWorld()
  await world.call([
    ['a', 'b'],
    ['b', 'c'],
    ['c', 'server'],
  ])
  expect(await world.check()).toMatchObject({ deadlocks: [], orphans: [] })
})

const idle = {
  status: 'active',
  value: 'calling',
  context: {},
  history: undefined,
  output: undefined,
  error: undefined,
} as const

function stateWith(book: Book): ActorState {
  return { version: 1, hash: 'h', snapshot: idle, book, visits: 0, steps: 1, bornAt: 0, steppedAt: 50 }
}

function heldFrom(from: Address, at: number): Book {
  const envelope: Envelope = {
    ...{ to: 'caller/x', content: { is: 'event', event: { type: 'ASK' } }, from, at, id: undefined, n: 1, index: 0 },
    ...{ generation: 0, cause: undefined, ask: undefined, deadline: undefined, traceparent: undefined },
  }
  return { deferred: [{ envelope, sender: 0, seq: 1 }] }
}

type Actors = Readonly<Record<Address, Book>>

function look(actors: Actors, flights: readonly UnderWay[] = []): Found {
  const waits = waitsOf(100)
  for (const one of flights) waits.fly(one)
  for (const [address, book] of Object.entries(actors)) waits.add(address as Address, stateWith(book))
  return waits.found((address) => {
    const book = actors[address]
    return book === undefined ? undefined : book.ended === undefined ? 'active' : 'ended'
  })
}

/** Each holds what the one before it sent. */
function ringOf(...keys: readonly string[]): Record<Address, Book> {
  const addressAt = (at: number): Address => `caller/${keys[(at + keys.length) % keys.length]}`
  return Object.fromEntries(keys.map((_, at) => [addressAt(at), heldFrom(addressAt(at - 1), 10 + at)]))
}

const timer = {
  name: 't',
  visit: 1,
  due: 200,
  delay: 100,
  event: { type: 'T' },
  policy: 'deadline',
  awayMs: 0,
} as const

test('a circle is stable since its last wait began', () => {
  expect(look(ringOf('a', 'b', 'c')).deadlocks).toMatchObject([{ since: 12, cycle: [{ from: 'caller/a' }, {}, {}] }])
})

test('what only looks like a deadlock is none: something is still under way, armed or running', () => {
  const ring = ringOf('a', 'b', 'c')
  const changed = (book: Book): Actors => ({ ...ring, 'caller/b': { ...ring['caller/b'], ...book } })
  expect(look(ring, [{ to: 'caller/b' }]).deadlocks).toEqual([])
  expect(look(changed({ timers: { t: timer } })).deadlocks).toEqual([])
  expect(look(changed({ effects: { e: {} as never } })).deadlocks).toEqual([])
  expect(look(changed({ outbox: [{}] })).deadlocks).toEqual([])
  const follows = changed({ subscriptions: [{ pattern: 'herald.*.HEARD', from: 0 }] })
  expect(look(follows, [{ topic: 'herald.x.HEARD' }]).deadlocks).toEqual([])
  expect(look(follows, [{ topic: 'herald.x.OTHER' }]).deadlocks).toHaveLength(1)
  expect(look(ring, [{ to: 'caller/d' }]).deadlocks).toHaveLength(1)
  const { 'caller/c': _, ...chain } = ring
  expect(look(chain).deadlocks).toEqual([])
})

test('several circles are several, and a long chain into one is not part of it', () => {
  const actors: Actors = {
    ...ringOf('a', 'b'),
    ...ringOf('x', 'y', 'z'),
    'caller/c': heldFrom('caller/d', 1),
    'caller/d': heldFrom('caller/e', 1),
  }
  const found = look(actors).deadlocks.map(({ cycle }) => cycle.map(({ from }) => from))
  expect(found).toEqual([
    ['caller/a', 'caller/b'],
    ['caller/x', 'caller/y', 'caller/z'],
  ])
})

test('a question of an actor is a wait until its time is over', () => {
  const asked = (to: Address, deadline: number): Book => ({ asks: [{ to, id: 'q', deadline }] })
  const both = { 'caller/a': asked('caller/b', 200), 'caller/b': asked('caller/a', 200) }
  expect(look(both).deadlocks).toMatchObject([{ cycle: [{ how: 'asked' }, { how: 'asked' }] }])
  expect(look({ ...both, 'caller/a': asked('caller/b', 99) }).deadlocks).toEqual([])
  expect(look({ 'caller/a': asked('client-1' as Address, 200) }).orphans).toEqual([])
})

test('who waits for one that is not there is named, unless that is on its way', () => {
  const child = { src: 'c', spawn: 1, sync: false, effect: undefined, address: 'caller/a~c~1' as Address }
  const parent = { address: 'caller/p' as Address, id: 'c', spawn: 1, path: [], sync: false }
  expect(look({ 'caller/a': { children: { c: child } } }).orphans).toMatchObject([{ why: 'child never was' }])
  expect(look({ 'caller/a': { children: { c: child } } }, [{ to: 'caller/a~c~1' }]).orphans).toEqual([])
  expect(look({ 'caller/a': { children: { c: child } }, 'caller/a~c~1': {} }).orphans).toEqual([])
  expect(look({ 'caller/p~c~1': { parent } }).orphans).toMatchObject([{ why: 'parent is gone', for: 'caller/p' }])
  expect(look({ 'caller/p~c~1': { parent } }, [{ to: 'caller/p~c~1' }]).orphans).toEqual([])
  const ended: Book = { ended: { reason: 'done', at: 1, retire: 2 } }
  const asked: Book = { asks: [{ to: 'caller/z', id: 'q', deadline: 200 }] }
  expect(look({ 'caller/a': asked, 'caller/z': ended }).orphans).toMatchObject([{ why: 'asker is gone' }])
  expect(look({ 'caller/a': asked, 'caller/z': {} }).orphans).toEqual([])
})

test('in a cut everybody who may wait is looked at, also those who need nothing', async () => {
  const child = { src: 'c', spawn: 1, sync: false, effect: undefined, address: 'caller/a~c~1' as Address }
  const parent = { address: 'caller/p' as Address, id: 'c', spawn: 1, path: [], sync: false }
  const books: Actors = {
    'caller/a': { children: { c: child } },
    'caller/b': {},
    'caller/p~c~1': { parent },
    ...ringOf('x', 'y'),
  }
  const rows = Object.entries(books).map(([address, book]): StateRow => {
    const { due, effects } = needsOfState(stateWith(book), {})
    return [address as Address, encodeState(stateWith(book)), due ?? null, effects ? 1 : 0]
  })
  const manifest = { id: 'c', realm: 'shop', begunAt: 100, slices: [{ partition: 0 }] } as unknown as CutManifest
  const view = {
    manifest,
    async *states() {
      yield* rows
    },
    async *flights() {},
    state: async (address: Address) => rows.find(([one]) => one === address)?.[1] ?? undefined,
  } as unknown as CutView
  const check = await checkCut({ view, clock: systemClock, invariants: [] }, { name: 'test', checkMs: 50 })
  expect(check.orphans.map(({ address }) => address)).toEqual(['caller/a', 'caller/p~c~1'])
  expect(check.deadlocks).toHaveLength(1)
})

test('an invariant holds, does not and says why, throws or is late: each is told [U8]', async () => {
  const world = await openWorld()
  await world.call(['a', 'b', 'c'].map((key) => [key, 'server']))
  const counted = invariant('three call', async (cut) => {
    let calls = 0
    for await (const { value } of cut.actors('caller')) if (value === 'calling') calls++
    for await (const { event } of cut.inFlight()) if (event?.type === 'ANSWER') calls--
    return calls <= 3
  })
  const check = await world.check(
    [
      counted,
      invariant('nobody was answered', async (cut) => {
        const answered: string[] = []
        for await (const { address, context } of cut.actors())
          if ((context as { answers: number }).answers > 0) answered.push(`${address} was`)
        return answered.toSorted()
      }),
      invariant('throws', () => {
        throw new Error('by itself')
      }),
      invariant('never ends', () => new Promise(() => undefined)),
      invariant('says no', () => false),
    ],
    50,
  )
  expect(check.invariants).toMatchObject([
    { name: 'three call', holds: true, found: [] },
    { holds: false, found: ['caller/a was', 'caller/b was', 'caller/c was'] },
    { holds: undefined, fault: { code: 'invariant.throws', message: expect.stringContaining('by itself') as string } },
    { holds: undefined, fault: { code: 'invariant.late' } },
    { holds: false, found: [] },
  ])
})

test('each cut is looked at by the node that takes it, and by one that carries what that one lacks', async () => {
  const log = openMemoryLog({ realm: 'shop', partitions: 4, clock: systemClock })
  const archive = openMemoryArchive()
  const invariants = [invariant('one is enough', () => 'there are two')]
  const node = await openTestNode(log.connect(), [caller], { archive, invariants })
  const realm = realmHandleOf({ bus: log.connect(), clock: systemClock, archive }, realmOptions)
  const others = [invariant('nobody calls', () => true)]
  const { checkMs } = nodeOptions
  const other = cutChecksOf(
    { bus: log.connect(), archive, clock: systemClock, invariants: others },
    { name: 'b', checkMs },
  )
  open.push(node, realm, { [Symbol.asyncDispose]: () => other.stop() })
  await realm.ref(caller, 'a').send({ type: 'CALL' })
  await node.settle()
  const looked = Promise.withResolvers<void>()
  let looks = 0
  const hearing = onTrace((event) => {
    if (event.is === 'cut.checked' && ++looks === 2) looked.resolve()
  })
  const id = (await node.cuts?.take({ name: undefined, by: 'test' }).whole)?.id ?? ''
  await looked.promise
  hearing.stop()
  const check = await realm.cuts.checked(id)
  expect(check).toMatchObject({
    invariants: [
      { name: 'one is enough', holds: false, found: ['there are two'] },
      { name: 'nobody calls', holds: true },
    ],
  })
  expect(decodeCutCheck(encodeCutCheck(check as CutCheck))).toEqual(check)
  expect(await realm.cuts.checked('last')).toEqual(check)
})

test('a node that ends does not wait for what it looks at', async () => {
  const log = openMemoryLog({ realm: 'shop', partitions: 4, clock: systemClock })
  const archive = openMemoryArchive()
  const begun = Promise.withResolvers<void>()
  const told = Promise.withResolvers<void>()
  const endless = invariant('reads for ever', async (cut, signal) => {
    signal.addEventListener('abort', () => told.resolve())
    begun.resolve()
    while (!signal.aborted) for await (const { status } of cut.actors()) if (status !== 'active') return
  })
  const node = await openTestNode(log.connect(), [caller], { archive, invariants: [endless] })
  const realm = openTestRealm(log.connect())
  open.push(realm)
  await realm.ref(caller, 'a').send({ type: 'CALL' })
  await node.settle()
  await node.cuts?.take({ name: undefined, by: 'test' }).whole
  await begun.promise
  await node.stop()
  await told.promise
})

test('what was found reads again as it was written', () => {
  const { deadlocks, orphans } = look({
    ...ringOf('a', 'b'),
    'caller/p~c~1': { parent: { address: 'caller/p', id: 'c', spawn: 1, path: [], sync: false } },
  })
  const fault = { code: 'invariant.throws', message: 'no' }
  const check: CutCheck = {
    ...{ cut: 'x', at: 1, node: 'n', ms: 2, deadlocks, orphans, counts: { deadlocks: 7, orphans: 8 } },
    invariants: [{ name: 'i', holds: undefined, found: ['f'], fault, ms: 3 }],
  }
  expect(decodeCutCheck(encodeCutCheck(check))).toEqual(check)
})
