/** What comes from outside, and what a machine makes of it, never stops a partition and never costs another event. */
import { assign, emit, sendTo, setup } from 'xstate'
import { expect, test } from 'vitest'
import { actor } from '#protocol/actor.ts'
import { encodeOutside } from '#protocol/outside.ts'
import { reply } from '#runtime/core/actions.ts'
import { admissionOf } from '#runtime/core/admission.ts'
import { recordOf, type Staged } from '#runtime/core/compose.ts'
import { beginning } from '#runtime/core/position.ts'
import { openMemoryLog } from '#runtime/memory/memory-bus.ts'
import { openVirtualClock } from '#runtime/memory/virtual-clock.ts'
import { openTestNode, openTestRealm } from '#test/support/engine.ts'

type Events =
  | { type: 'ADD' }
  | { type: 'KEEP'; what: unknown }
  | { type: 'SEND' }
  | { type: 'EMIT' }
  | { type: 'ANSWER' }

const counters = actor(
  'counter',
  setup({ types: { context: {} as { n: number; kept: unknown }, events: {} as Events } }).createMachine({
    context: { n: 0, kept: undefined },
    on: {
      ADD: { actions: assign({ n: ({ context }) => context.n + 1 }) },
      KEEP: { actions: assign({ kept: ({ event }) => event.what }) },
      SEND: { actions: sendTo(({ self }) => self, { type: 'KEEP', what: () => 1 }) },
      EMIT: { actions: emit({ type: 'TOLD', what: () => 1 } as never) },
      ANSWER: { actions: reply(() => () => 1) },
    },
  }),
)

async function openWorld() {
  const clock = openVirtualClock({ start: 0, progress: () => node.health().queued })
  const log = openMemoryLog({ realm: 'shop', partitions: 1, clock })
  const node = await openTestNode(log.connect(), [counters], { clock })
  const realm = openTestRealm(log.connect(), clock)
  const one = realm.ref(counters, 'a')
  return { clock, log, node, realm, one, count: async () => (await one.read())?.context.n }
}

test('an event that is refused at the door does not cost those sent right behind it', async () => {
  const { clock, one, count, realm } = await openWorld()
  const sent = [{ type: 'ADD' }, { type: 'xstate.forged' }, { type: 'ADD' }, { type: 'ADD' }].map((event) =>
    one.send(event as Events),
  )
  await clock.advance(1000)
  await Promise.all(sent)
  expect(await count()).toBe(3)
  const listing = realm.parked.list()
  await clock.advance(10)
  expect(await listing).toHaveLength(1)
})

test.each(['SEND', 'EMIT', 'ANSWER'] as const)(
  'what a machine cannot put on the log (%s) is parked and the partition goes on',
  async (type) => {
    const { clock, one, count, node } = await openWorld()
    const asked = type === 'ANSWER' ? one.ask({ type }, { timeoutMs: 500 }).catch(() => undefined) : one.send({ type })
    await clock.advance(1000)
    await asked
    await Promise.all([one.send({ type: 'ADD' }), clock.advance(1000)])
    expect(await count()).toBe(1)
    expect(node.partitions[0]?.position.epoch).toBe(1)
  },
)

test('an event nested without end is parked and the partition goes on', async () => {
  const { clock, log, one, count, node } = await openWorld()
  const depth = 50_000
  log.publish(
    'shop.to.counter.a',
    new TextEncoder().encode(`{"type":"KEEP","what":${'['.repeat(depth)}${']'.repeat(depth)}}`),
  )
  await clock.advance(1000)
  await Promise.all([one.send({ type: 'ADD' }), clock.advance(1000)])
  expect(await count()).toBe(1)
  expect(node.partitions[0]?.position.epoch).toBe(1)
})

test('events with types as long as an entry are parked, and no record grows by them', async () => {
  const { clock, log, one, count, node } = await openWorld()
  for (let n = 0; n < 40; n++)
    log.publish('shop.to.counter.a', new TextEncoder().encode(JSON.stringify({ type: `${n}${'T'.repeat(400_000)}` })))
  await clock.advance(1000)
  await Promise.all([one.send({ type: 'ADD' }), clock.advance(1000)])
  expect(await count()).toBe(1)
  expect(node.partitions[0]?.position.epoch).toBe(1)
  const records = log.entries().filter(({ subject }) => subject.startsWith('shop.commit.'))
  expect(Math.max(...records.map(({ data }) => data.length))).toBeLessThan(20_000)
})

test('a machine that sends a type as long as an entry leaves a short note of it in its record', () => {
  const note = { seq: 7, type: 'T'.repeat(100_000) }
  const head = {
    generation: 0,
    partition: 0,
    epoch: 1,
    n: 1,
    previous: 0,
    cursor: 0,
    heard: 0,
    at: 0,
    awayMs: 0,
    openedAt: 0,
  }
  const { steps } = recordOf(head, [{ address: 'k/a', changes: [], note } as unknown as Staged])
  expect(steps[0]?.type).toBe('T'.repeat(256))
})

test('an address longer than any actor can have is parked under a subject that the server takes', async () => {
  const { clock, log, one, count } = await openWorld()
  log.publish('shop.to.counter.a', encodeOutside({ type: 'ADD' }, { child: '~a~1'.repeat(5000) }))
  log.publish(`shop.to.counter.${'k'.repeat(4000)}`, new TextEncoder().encode('{"type":"ADD"}'))
  log.publish(`shop.to.${'k'.repeat(4000)}.a`, new TextEncoder().encode('{"type":"ADD"}'))
  await clock.advance(1000)
  await Promise.all([one.send({ type: 'ADD' }), clock.advance(1000)])
  expect(await count()).toBe(1)
  const parked = log.entries().filter(({ subject }) => subject.startsWith('shop.parked.'))
  expect(parked).toHaveLength(3)
  for (const { subject } of parked) expect(subject.length).toBeLessThan(2000)
})

test('an event that cannot be sent is refused to its sender and costs no other', async () => {
  const { clock, one, count } = await openWorld()
  const bad = one.send({ type: 'KEEP', what: () => 1 }).then(
    () => 'sent',
    () => 'refused',
  )
  const good = one.send({ type: 'ADD' }).then(
    () => 'sent',
    () => 'refused',
  )
  await clock.advance(1000)
  expect(await bad).toBe('refused')
  expect(await good).toBe('sent')
  expect(await count()).toBe(1)
})

test('an emitted type too long for a subject is refused in its step', async () => {
  const kinds = actor(
    'echo',
    setup({ types: { context: {} as { n: number }, events: {} as { type: 'TELL'; what: string } } }).createMachine({
      context: { n: 0 },
      on: {
        TELL: { actions: [emit(({ event }) => ({ type: event.what })), assign({ n: ({ context }) => context.n + 1 })] },
      },
    }),
  )
  const clock = openVirtualClock({ start: 0, progress: () => node.health().queued })
  const log = openMemoryLog({ realm: 'shop', partitions: 1, clock })
  const node = await openTestNode(log.connect(), [kinds], { clock })
  const one = openTestRealm(log.connect(), clock).ref(kinds, 'a')
  const sent = ['x'.repeat(5000), 'short'].map((what) => one.send({ type: 'TELL', what }))
  await clock.advance(1000)
  await Promise.all(sent)
  expect((await one.read())?.context.n).toBe(1)
  expect(Math.max(...log.entries().map(({ subject }) => subject.length))).toBeLessThan(2000)
})

test('sessions that fell silent are forgotten by an owner that lives for long', () => {
  const day = 86_400_000
  const clients = Array.from({ length: 5000 }, (_, at) => [`s${at}`, 1, 0] as const)
  const limits = { clientKeepMs: day, clientsMost: 10_000, askMostMs: day }
  const admission = admissionOf(0, { position: beginning(0), clients }, limits)
  const send = (seq: number, session: string, n: number) =>
    admission.admit({
      seq,
      subject: 'shop.in.0.x.counter.a',
      at: 2 * day,
      data: encodeOutside({ type: 'ADD' }, { session, n, floor: n }),
    })?.is
  for (let n = 1; n <= 2000; n++) expect(send(n, 'new', n)).toBe('envelope')
  expect(send(3000, 'new', 2000)).toBe('copy')
  // It would be a copy if its session were still known; whoever sends so late is another.
  expect(send(3001, 's1', 1)).toBe('envelope')
})
