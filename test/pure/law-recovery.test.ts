/** A partition that comes back, on the same node or after a restart, goes on where it stood: nothing is lost, nothing runs again. */
import { assign, emit, fromCallback, setup } from 'xstate'
import { expect, test } from 'vitest'
import type { ClientMoves } from '#protocol/folded.ts'
import { actor, type ActorKind, type KindOptions } from '#protocol/actor.ts'
import { Fault } from '#protocol/fault.ts'
import { partitionOf } from '#protocol/partition.ts'
import { subscribe } from '#runtime/core/actions.ts'
import type { Bus } from '#runtime/bus.ts'
import { beginning, progressOf } from '#runtime/core/position.ts'
import { chooseForm, type Staged } from '#runtime/core/compose.ts'
import { openMemoryLog } from '#runtime/memory/memory-bus.ts'
import { openTestRealm as openDoor } from '#runtime/test.ts'
import { openVirtualClock } from '#runtime/memory/virtual-clock.ts'
import { openTestNode, openTestRealm, openTestStore } from '#test/support/engine.ts'

/** A node whose log can be made to refuse entries for good. */
async function openWorld(actors: readonly ActorKind[], partitions = 1) {
  const clock = openVirtualClock({ start: 1_000_000, progress: () => node.health().queued })
  const log = openMemoryLog({ realm: 'shop', partitions, clock })
  const inner = log.connect()
  let refuses: (subject: string) => boolean = () => false
  const refusal = (subject: string): Fault => new Fault('bus.tooBig', { value: subject, size: 2, limit: 1 })
  const bus: Bus = {
    ...inner,
    append: (entry) => (refuses(entry.subject) ? Promise.reject(refusal(entry.subject)) : inner.append(entry)),
  }
  const store = await openTestStore(bus)
  const node = await openTestNode(bus, actors, { clock, store })
  const realm = openTestRealm(log.connect(), clock)
  return { clock, log, inner, store, node, realm, refuse: (on: typeof refuses) => (refuses = on) }
}

const plain = <T>(value: Promise<T>, clock: { advance(ms: number): Promise<void> }): Promise<T> =>
  Promise.all([value, clock.advance(10)]).then(([first]) => first)

test('what was emitted while a subscriber had no owner reaches it when the same node takes it up again', async () => {
  const told = actor(
    'teller',
    setup({ types: { events: {} as { type: 'GO' } } }).createMachine({
      on: { GO: { actions: emit({ type: 'NEWS' }) } },
    }),
  )
  const hearers = actor(
    'hearer',
    setup({
      types: { context: {} as { heard: number; n: number }, events: {} as { type: 'POKE' } | { type: 'NEWS' } },
    }).createMachine({
      context: { heard: 0, n: 0 },
      entry: subscribe('teller.*.NEWS'),
      on: {
        POKE: { actions: assign({ n: ({ context }) => context.n + 1 }) },
        NEWS: { actions: assign({ heard: ({ context }) => context.heard + 1 }) },
      },
    }),
  )
  const { clock, realm, refuse } = await openWorld([told, hearers], 4)
  const hearer = realm.ref(hearers, 'h')
  const mine = partitionOf(hearer.address, 4)
  const key = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].find(
    (one) => partitionOf(realm.ref(told, one).address, 4) !== mine,
  ) as string
  await plain(hearer.send({ type: 'POKE' }), clock)
  await clock.advance(100)
  refuse((subject) => subject === `shop.commit.${mine}`)
  await plain(hearer.send({ type: 'POKE' }), clock)
  refuse(() => false)
  await plain(realm.ref(told, key).send({ type: 'GO' }), clock)
  await clock.advance(1000)
  expect((await plain(hearer.read(), clock))?.context).toEqual({ heard: 1, n: 2 })
})

test('a frozen timer stands still during every absence, also when nothing was committed between two of them', async () => {
  const waiters = actor(
    'waiter',
    setup({ types: { events: {} as { type: 'GO' } }, delays: { patience: 600_000 } }).createMachine({
      initial: 'idle',
      states: { idle: { on: { GO: 'waiting' } }, waiting: { after: { patience: 'over' } }, over: {} },
    }),
    { delays: { patience: 'frozen' } },
  )
  await using realm = await openDoor({ actors: [waiters], partitions: 1 })
  const one = realm.ref(waiters, 'a')
  await one.send({ type: 'GO' })
  await realm.settle()
  await realm.restart({ away: '1 h' })
  await realm.advance('1 min')
  await realm.restart({ away: '1 h' })
  await realm.advance('8 min')
  expect((await one.read())?.value).toBe('waiting')
  await realm.advance('2 min')
  expect((await one.read())?.value).toBe('over')
})

test('an action that ends while its node stops does not run again', async () => {
  let runs = 0
  const done = Promise.withResolvers<void>()
  const kinds = actor(
    'worker',
    setup({
      types: { events: {} as { type: 'GO' } },
      actions: {
        work: () => {
          runs++
          return done.promise as never
        },
      },
    }).createMachine({ on: { GO: { actions: { type: 'work' } } } }),
  )
  const { clock, log, store, node, realm } = await openWorld([kinds])
  await plain(realm.ref(kinds, 'a').send({ type: 'GO' }), clock)
  expect(runs).toBe(1)
  const stopping = node.stop()
  await clock.advance(10)
  done.resolve()
  await clock.advance(2000)
  await stopping
  await openTestNode(log.connect(), [kinds], { clock, store })
  await clock.advance(1000)
  expect(runs).toBe(1)
})

test('the events of a stream that begins again are not taken for copies of those that still wait on the log', async () => {
  const tell: ((n: number) => void)[] = []
  const streams = actor(
    'stream',
    setup({
      types: { context: {} as { got: number[] }, events: {} as { type: 'GO' } | { type: 'GOT'; n: number } },
      actors: {
        source: fromCallback(({ sendBack }) => {
          tell.push((n) => sendBack({ type: 'GOT', n }))
        }),
      },
    }).createMachine({
      context: { got: [] },
      initial: 'idle',
      on: { GOT: { actions: assign({ got: ({ context, event }) => [...context.got, event.n] }) } },
      states: { idle: { on: { GO: 'on' } }, on: { invoke: { src: 'source' } } },
    }),
  )
  const { clock, log, store, node, realm } = await openWorld([streams])
  await plain(realm.ref(streams, 'a').send({ type: 'GO' }), clock)
  await clock.advance(100)
  for (const n of [1, 2, 3]) tell[0]?.(n)
  node.kill()
  await clock.advance(100)
  await openTestNode(log.connect(), [streams], { clock, store })
  await clock.advance(100)
  for (const n of [11, 12]) tell[1]?.(n)
  await clock.advance(100)
  expect((await plain(realm.ref(streams, 'a').read(), clock))?.context.got).toEqual([1, 2, 3, 11, 12])
})

test('a question ends at its deadline also while the server does not answer', async () => {
  const kinds = actor('k', setup({ types: { events: {} as { type: 'ASK' } } }).createMachine({ on: { ASK: {} } }))
  const { clock, log, realm } = await openWorld([kinds])
  await Promise.all([
    realm
      .ref(kinds, 'a')
      .ask({ type: 'ASK' }, { timeoutMs: 50 })
      .catch(() => undefined),
    clock.advance(100),
  ])
  log.stop()
  const asked = realm
    .ref(kinds, 'a')
    .ask({ type: 'ASK' }, { timeoutMs: 100 })
    .catch((error: Fault) => error.code)
  const ended = Promise.race([
    asked,
    Promise.resolve()
      .then(() => clock.advance(200))
      .then(() => 'still waits'),
  ])
  expect(await ended).toBe('ask.deadline')
})

test('a client whose events waited on the log for long is not forgotten between two of them', () => {
  const day = 86_400_000
  const record = {
    is: 'commit' as const,
    generation: 0,
    partition: 0,
    epoch: 1,
    previous: 0,
    cursor: 0,
    heard: 0,
    at: 10 * day,
    awayMs: 0,
    openedAt: 0,
    changes: [],
    marks: [],
    steps: [],
  }
  const many = Array.from({ length: 100 }, (_, at): [string, number, number] => [`s${at}`, 1, 1000])
  const progress = progressOf({ position: beginning(0), clients: [] }, { clientKeepMs: day, clientsMost: 1000 })
  const kept = (moves: ClientMoves) => [...moves].flatMap(([session, mark]) => (mark === undefined ? [] : [session]))
  expect(kept(progress.take({ ...record, n: 1, clients: many }, 1))).toHaveLength(100)
  const later = progress.take({ ...record, n: 2, clients: [['new', 1, 3 * day]] }, 2)
  expect([later.size, kept(later)]).toEqual([101, ['new']])
  expect(progress.position.forgottenAt).toBe(1000)
})

test('a commit takes no more state than its parts can carry', () => {
  const step = {
    changes: [{ address: 'k/a', is: 'full', state: new Uint8Array(1000) }],
    outputs: [],
  } as unknown as Staged
  const choice = chooseForm(
    Array.from({ length: 100 }, () => step),
    { cheapMost: 16, entriesMost: 900, bytesMost: 10_000 },
  )
  expect(choice).toEqual({ steps: 10, form: 'record' })
})

test('an actor that grows too big to be shown to its watchers goes on, and its partition with it', async () => {
  const kinds = actor(
    'k',
    setup({ types: { context: {} as { text: string; n: number }, events: {} as { type: 'GROW' } } }).createMachine({
      context: { text: 'x', n: 0 },
      on: {
        GROW: {
          actions: assign({ text: ({ context }) => context.text.repeat(150), n: ({ context }) => context.n + 1 }),
        },
      },
    }),
  )
  const { clock, realm, node, store } = await openWorld([kinds])
  const one = realm.ref(kinds, 'a')
  await plain(one.send({ type: 'GROW' }), clock)
  const watching = one.subscribe({ error: () => undefined })
  await clock.advance(10)
  for (let n = 0; n < 2; n++) await plain(one.send({ type: 'GROW' }), clock)
  await clock.advance(1000)
  watching.unsubscribe()
  expect(node.partitions[0]?.position.epoch).toBe(1)
  expect(store.partition(0)?.cursor).toBe(node.partitions[0]?.position.cursor)
})

test('an observer that throws costs no other observer anything', async () => {
  const kinds = actor(
    'k',
    setup({ types: { context: {} as { n: number }, events: {} as { type: 'ADD' } } }).createMachine({
      context: { n: 0 },
      on: { ADD: { actions: assign({ n: ({ context }) => context.n + 1 }) } },
    }),
  )
  const { clock, realm } = await openWorld([kinds])
  const one = realm.ref(kinds, 'a')
  const seen: number[] = []
  const listeners = process.listeners('uncaughtException')
  const thrown: unknown[] = []
  process.removeAllListeners('uncaughtException').on('uncaughtException', (error) => thrown.push(error))
  try {
    one.subscribe(() => {
      throw new Error('mine')
    })
    one.subscribe((snapshot) => seen.push(snapshot.context.n))
    for (let n = 0; n < 2; n++) await plain(one.send({ type: 'ADD' }), clock)
    await clock.advance(100)
  } finally {
    process.removeAllListeners('uncaughtException')
    for (const listener of listeners) process.on('uncaughtException', listener)
  }
  expect(seen).toContain(2)
  expect(String(thrown[0])).toContain('mine')
})

test('a batch of several partitions whose acknowledgement was lost is not taken for a log that came back shorter', async () => {
  const kinds = actor(
    'k',
    setup({ types: { context: {} as { n: number }, events: {} as { type: 'GO' } | { type: 'ADD' } } }).createMachine({
      context: { n: 0 },
      on: {
        GO: { actions: [emit({ type: 'A' }), emit({ type: 'B' })] },
        ADD: { actions: assign({ n: ({ context }) => context.n + 1 }) },
      },
    }),
  )
  const started: Awaited<ReturnType<typeof openTestNode>>[] = []
  const clock = openVirtualClock({ start: 1_000_000, progress: () => started[0]?.health().queued ?? 0 })
  const log = openMemoryLog({ realm: 'shop', partitions: 4, clock, latencyMs: 1, ackMs: 100 })
  const bus = log.connect()
  const starting = openTestStore(bus).then((store) => openTestNode(bus, [kinds], { clock, store }))
  await clock.advance(1000)
  const node = await starting
  started.push(node)
  const text = (type: string) => new TextEncoder().encode(JSON.stringify({ type }))
  let lost = 0
  bus.disturb((op) => {
    if (
      op.is !== 'append' ||
      lost > 0 ||
      new Set(op.entries.filter((one) => one.subject.includes('.commit.')).map((one) => one.subject)).size < 2
    )
      return 'ok'
    lost++
    return 'lose-ack'
  })
  const keys = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l']
  for (const key of keys) log.publish(`shop.to.k.${key}`, text('GO'))
  await clock.advance(50)
  expect(lost).toBe(1)
  for (const key of keys) log.publish(`shop.to.k.${key}`, text('ADD'))
  await clock.advance(2000)
  expect(node.partitions).toHaveLength(4)
  expect(node.health().staged).toBe(0)
})

test('a timer of an actor whose state did not fit for a while fires once it fits again', async () => {
  const waiter = (version: number, migrate: NonNullable<KindOptions['migrate']>): ActorKind =>
    actor(
      'waiter',
      setup({ types: { events: {} as { type: 'GO' } | { type: 'POKE' } } }).createMachine({
        initial: 'idle',
        states: { idle: { on: { GO: 'waiting' } }, waiting: { after: { 600000: 'over' } }, over: {} },
      }),
      { version, migrate },
    )
  const broken = (): never => {
    throw new Error('cannot yet')
  }
  await using realm = await openDoor({ actors: [waiter(1, {})], partitions: 1 })
  const one = realm.at('waiter/a')
  await one.send({ type: 'GO' })
  await realm.settle()
  await realm.restart({ actors: [waiter(2, { 1: broken })] })
  await one.send({ type: 'POKE' })
  await realm.settle()
  await realm.restart({ actors: [waiter(3, { 1: (state) => state, 2: (state) => state })] })
  await realm.advance('11 min')
  const seen = await realm.operate.show(one.address)
  expect(seen?.state.snapshot.value).toBe('over')
})
