import { assign, createMachine, fromPromise, setup } from 'xstate'
import { expect, test } from 'vitest'
import { actor } from '#protocol/actor.ts'
import { reply } from '#runtime/core/actions.ts'
import { systemClock } from '#runtime/clock.ts'
import { openMemoryLog } from '#runtime/memory/memory-bus.ts'
import { openTestNode, openTestRealm, openTestStore } from '#test/support/engine.ts'

const counterMachine = setup({
  types: { context: {} as { count: number }, events: {} as { type: 'ADD'; by: number } | { type: 'ASK' } },
}).createMachine({
  id: 'counter',
  context: { count: 0 },
  on: {
    ADD: { actions: assign({ count: ({ context, event }) => context.count + event.by }) },
    ASK: { actions: reply(({ context }) => context.count) },
  },
})
const counters = actor('counter', counterMachine)

const orderMachine = setup({
  types: { context: {} as { paid: number; receipt?: string }, events: {} as { type: 'PAY'; amount: number } },
  actors: { charge: fromPromise(async ({ input }: { input: { amount: number } }) => `receipt-${input.amount}`) },
  delays: { patience: 200 },
}).createMachine({
  id: 'order',
  context: { paid: 0 },
  initial: 'open',
  states: {
    open: {
      on: { PAY: { target: 'charging', actions: assign({ paid: ({ event }) => event.amount }) } },
      after: { patience: 'expired' },
    },
    charging: {
      invoke: {
        id: 'charge',
        src: 'charge',
        input: ({ context }) => ({ amount: context.paid }),
        onDone: { target: 'paid', actions: assign({ receipt: ({ event }) => event.output }) },
        onError: 'open',
      },
    },
    paid: { type: 'final' },
    expired: {},
  },
  output: ({ context }) => ({ receipt: context.receipt }),
})
const orders = actor('order', orderMachine)

function openWorld() {
  const log = openMemoryLog({ realm: 'shop', partitions: 4, clock: systemClock })
  return log
}

test('an event makes its actor, is stepped once, and its state is seen', async () => {
  const log = openWorld()
  await using node = await openTestNode(log.connect(), [counters])
  await using realm = openTestRealm(log.connect())
  const one = realm.ref(counters, 'a')
  for (let i = 0; i < 100; i++) await one.send({ type: 'ADD', by: 1 })
  const seen = await one.waitFor((s) => s.context.count === 100, { timeoutMs: 2000 })
  expect(seen.context.count).toBe(100)
  expect(await one.ask({ type: 'ASK' }, { timeoutMs: 1000 })).toBe(100)
  expect(node.health().ready).toBe(true)
})

test('an effect answers as an envelope and a final actor keeps its output', async () => {
  const log = openWorld()
  await using node = await openTestNode(log.connect(), [orders])
  await using realm = openTestRealm(log.connect())
  const one = realm.ref(orders, '42')
  await one.send({ type: 'PAY', amount: 5 })
  expect(await one.output({ timeoutMs: 2000 })).toEqual({ receipt: 'receipt-5' })
  expect(node.health().effects).toBe(0)
})

test('a timer fires without a log entry', async () => {
  const log = openWorld()
  await using _ = await openTestNode(log.connect(), [orders])
  await using realm = openTestRealm(log.connect())
  await realm.start(orders, '7', { input: undefined })
  const seen = await realm.ref(orders, '7').waitFor((s) => s.matches('expired'), { timeoutMs: 3000 })
  expect(seen.value).toBe('expired')
})

test('a restart goes on from the store and folds what is newer', async () => {
  const log = openWorld()
  const bus = log.connect()
  const store = await openTestStore(bus)
  const first = await openTestNode(bus, [counters], { store })
  await using realm = openTestRealm(log.connect())
  const one = realm.ref(counters, 'a')
  for (let i = 0; i < 50; i++) await one.send({ type: 'ADD', by: 1 })
  first.kill()
  for (let i = 0; i < 50; i++) await one.send({ type: 'ADD', by: 1 })
  await using _ = await openTestNode(log.connect(), [counters], { store })
  const seen = await one.waitFor((s) => s.context.count >= 100, { timeoutMs: 3000 })
  expect(seen.context.count).toBe(100)
})

test('a machine that throws parks the envelope and goes on', async () => {
  const bad = actor(
    'bad',
    createMachine({
      id: 'bad',
      context: { n: 0 },
      on: {
        OK: { actions: assign({ n: ({ context }) => context.n + 1 }) },
        BAD: {
          actions: assign(() => {
            throw new Error('boom')
          }),
        },
      },
    }),
  )
  const log = openWorld()
  await using _ = await openTestNode(log.connect(), [bad])
  await using realm = openTestRealm(log.connect())
  const one = realm.ref(bad, 'a')
  await one.send({ type: 'OK' })
  await one.send({ type: 'BAD' })
  await one.send({ type: 'OK' })
  await one.waitFor((s) => s.context.n === 2, { timeoutMs: 2000 })
  const parked = await realm.parked.list()
  expect(parked).toHaveLength(1)
  expect(parked[0]?.fault.message).toContain('boom')
})
