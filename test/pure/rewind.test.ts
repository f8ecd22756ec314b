/** An actor goes back, and with it whoever took something that then never was; nobody else does. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { assign, emit, fromPromise, setup } from 'xstate'
import { actor } from '#protocol/actor.ts'
import { subscribe, tell } from '#runtime/core/actions.ts'
import type { Input } from '#runtime/past/inputs.ts'
import { openTestRealm, type TestRealm } from '#runtime/test.ts'

type Event =
  | { readonly type: 'GIVE'; readonly amount: number }
  | { readonly type: 'PAY' | 'TAKE'; readonly amount: number; readonly way: readonly string[] }
  | { readonly type: 'NOTE'; readonly text: string }

/** Money goes along a way; what is given comes from outside. */
const account = actor(
  'account',
  setup({
    types: { context: {} as { balance: number; notes: string[] }, events: {} as Event },
  }).createMachine({
    context: { balance: 100, notes: [] },
    on: {
      GIVE: { actions: assign({ balance: ({ context, event }) => context.balance + event.amount }) },
      NOTE: { actions: assign({ notes: ({ context, event }) => [...context.notes, event.text] }) },
      PAY: [
        {
          guard: ({ event }) => event.way.length > 0,
          actions: [
            assign({ balance: ({ context, event }) => context.balance - event.amount }),
            tell(
              ({ event }) => `account/${event.way[0]}`,
              ({ event }) => ({ type: 'TAKE', amount: event.amount, way: event.way.slice(1) }),
            ),
          ],
        },
      ],
      TAKE: {
        actions: [
          assign({ balance: ({ context, event }) => context.balance + event.amount }),
          tell(
            ({ self }) => (self as unknown as { address: string }).address,
            ({ event }) => ({ ...event, type: 'PAY' }),
          ),
        ],
      },
    },
  }),
  { version: 1 },
)

const keys = ['a', 'b', 'c', 'd', 'e'] as const

async function openBank(): Promise<TestRealm> {
  const realm = await openTestRealm({ actors: [account] })
  for (const key of keys) await realm.send(`account/${key}`, { type: 'GIVE', amount: 0 })
  await realm.settle()
  return realm
}

async function contexts(realm: TestRealm): Promise<Record<string, { balance: number; notes: string[] }>> {
  const found: Record<string, { balance: number; notes: string[] }> = {}
  for (const key of keys)
    found[key] = (await realm.operate.show(`account/${key}`))?.state.snapshot.context as {
      balance: number
      notes: string[]
    }
  return found
}

async function placeOf(realm: TestRealm): Promise<number> {
  return (await realm.bus.logState()).lastSeq
}

async function pay(realm: TestRealm, from: string, amount: number, way: readonly string[]): Promise<void> {
  await realm.send(`account/${from}`, { type: 'PAY', amount, way })
  await realm.settle()
}

test('who took what it sent goes back with it, who did not stays as it is [U22] [C16]', async () => {
  await using realm = await openBank()
  await pay(realm, 'd', 5, ['e'])
  const place = await placeOf(realm)
  const then = await contexts(realm)
  await pay(realm, 'd', 7, ['e'])
  await pay(realm, 'a', 10, ['b', 'c'])
  await realm.send('account/b', { type: 'NOTE', text: 'kept by nobody' })
  await realm.settle()
  const rewinding = await realm.past.rewind('account/a', { seq: place })
  expect(rewinding.actors.map(({ address }) => address)).toEqual(['account/a', 'account/b', 'account/c'])
  expect(rewinding.actors.map(({ why }) => why?.from)).toEqual([undefined, 'account/a', 'account/b'])
  expect(rewinding.lost).toMatchObject([
    { address: 'account/a', type: 'PAY' },
    { address: 'account/b', type: 'NOTE' },
  ])
  // Finding out has changed nothing.
  expect((await contexts(realm)).a).toMatchObject({ balance: 90 })
  const before = await contexts(realm)
  const done = await all(realm, rewinding.apply())
  expect(done.map(({ is }) => is)).toEqual(['back', 'back', 'back'])
  expect(await contexts(realm)).toEqual({ ...before, a: then.a, b: then.b, c: then.c })
  // A replay goes back as well, with no instant of its own.
  for (const key of ['a', 'b'])
    for await (const { record } of realm.past.debug(`account/${key}`, { kind: account })) expect(record).toBeUndefined()
  // They go on from there.
  await pay(realm, 'a', 1, ['b'])
  expect(await contexts(realm)).toMatchObject({ a: { balance: 99 }, b: { balance: 101 } })
})

/** Time stands still in a test, and whoever waits for an outcome needs some. */
async function all<T>(realm: TestRealm, wanted: Promise<T>): Promise<T> {
  let isOver = false
  const done = wanted.finally(() => (isOver = true))
  done.catch(() => undefined)
  while (!isOver) await realm.advance(20)
  return await done
}

test('what came from others is sent again if wanted, once and in its order [C16]', async () => {
  await using realm = await openBank()
  const place = await placeOf(realm)
  await pay(realm, 'a', 10, ['b'])
  for (const text of ['one', 'two']) await realm.send('account/b', { type: 'NOTE', text })
  await realm.settle()
  const rewinding = await realm.past.rewind('account/a', { seq: place })
  await all(realm, rewinding.apply({ replay: true }))
  await realm.settle()
  expect(await contexts(realm)).toMatchObject({ a: { balance: 90 }, b: { balance: 110, notes: ['one', 'two'] } })
})

test('one that has gone on since is left as it is, and what was to set it back is parked', async () => {
  await using realm = await openBank()
  const place = await placeOf(realm)
  await pay(realm, 'a', 10, ['b'])
  const rewinding = await realm.past.rewind('account/a', { seq: place })
  await realm.send('account/b', { type: 'NOTE', text: 'later' })
  await realm.settle()
  const done = await all(realm, rewinding.apply())
  expect(done).toMatchObject([
    { address: 'account/a', is: 'back' },
    { address: 'account/b', is: 'moved' },
  ])
  expect((await contexts(realm)).b).toEqual({ balance: 110, notes: ['later'] })
  expect(await realm.parked.list()).toMatchObject([{ address: 'account/b', fault: { code: 'rewind.moved' } }])
})

test('applied twice it happens once', async () => {
  await using realm = await openBank()
  const place = await placeOf(realm)
  await pay(realm, 'a', 10, ['b'])
  const rewinding = await realm.past.rewind('account/a', { seq: place })
  await all(realm, rewinding.apply())
  const steps = (await realm.operate.show('account/a'))?.state.steps
  await all(realm, rewinding.apply())
  expect((await realm.operate.show('account/a'))?.state.steps).toBe(steps)
  expect(await realm.parked.list()).toEqual([])
  await realm.restart()
  expect(await contexts(realm)).toMatchObject({ a: { balance: 100 }, b: { balance: 100 } })
})

test('one that was not there then is gone, and may begin anew', async () => {
  await using realm = await openBank()
  const place = await placeOf(realm)
  await pay(realm, 'a', 10, ['new'])
  const rewinding = await realm.past.rewind('account/a', { seq: place })
  await all(realm, rewinding.apply())
  expect(await realm.operate.show('account/new')).toBeUndefined()
  await realm.send('account/new', { type: 'GIVE', amount: 1 })
  await realm.settle()
  expect((await realm.operate.show('account/new'))?.state.snapshot.context).toMatchObject({ balance: 101 })
})

test('whatever happened, and wherever one goes back to: what is there and what is lost is all there was', async () => {
  const key = fc.constantFrom(...keys)
  const payment = fc.record({
    from: key,
    amount: fc.integer({ min: 1, max: 9 }),
    way: fc.array(key, { minLength: 1, maxLength: 4 }),
  })
  const at = fc.record({ payments: fc.array(payment, { minLength: 1, maxLength: 12 }), who: key, when: fc.nat() })
  await fc.assert(
    fc.asyncProperty(at, async ({ payments, who, when }) => {
      await using realm = await openBank()
      const places = [await placeOf(realm)]
      for (const { from, amount, way } of payments) {
        await pay(realm, from, amount, way)
        places.push(await placeOf(realm))
      }
      const place = places[when % places.length] as number
      const rewinding = await realm.past.rewind(`account/${who}`, { seq: place })
      const done = await all(realm, rewinding.apply())
      expect(done.every(({ is }) => is === 'back')).toBe(true)
      const sum = Object.values(await contexts(realm)).reduce((total, { balance }) => total + balance, 0)
      const lost = rewinding.lost.reduce((total, { type, input }) => total + (type === 'TAKE' ? amountOf(input) : 0), 0)
      expect(sum + lost).toBe(100 * keys.length)
      for (const { address, to } of rewinding.actors)
        expect((await realm.operate.show(address))?.state.snapshot.context).toEqual(
          (await realm.past.at({ seq: to }, address)).state?.snapshot.context,
        )
    }),
    { numRuns: 40, seed: 7 },
  )
})

test('sent again, what was lost leaves as much money as there ever was', async () => {
  await using realm = await openBank()
  const place = await placeOf(realm)
  await pay(realm, 'c', 3, ['a', 'b', 'a'])
  await pay(realm, 'd', 5, ['b'])
  await pay(realm, 'b', 8, ['e', 'a'])
  const rewinding = await realm.past.rewind('account/b', { seq: place })
  expect(rewinding.actors.map(({ address }) => address)).not.toContain('account/c')
  await all(realm, rewinding.apply({ replay: true }))
  await realm.settle()
  const sum = Object.values(await contexts(realm)).reduce((total, { balance }) => total + balance, 0)
  expect(sum).toBe(100 * keys.length)
})

function amountOf({ arrival }: Input): number {
  const content = arrival?.by === 'envelope' ? arrival.envelope.content : undefined
  return content?.is === 'event' ? (content.event['amount'] as number) : 0
}

const radio = actor(
  'radio',
  setup({ types: { context: {} as { n: number }, events: {} as { type: 'SAY' } } }).createMachine({
    context: { n: 0 },
    on: { SAY: { actions: [assign({ n: ({ context }) => context.n + 1 }), emit({ type: 'SAID' })] } },
  }),
  { version: 1 },
)

const listener = actor(
  'listener',
  setup({
    types: { context: {} as { heard: number }, events: {} as { type: 'SAID' } | { type: 'WORK' } },
    actors: { work: fromPromise(async () => 'done') },
  }).createMachine({
    context: { heard: 0 },
    entry: subscribe('radio.*.SAID'),
    initial: 'idle',
    states: {
      idle: { on: { WORK: 'working' } },
      working: { invoke: { src: 'work', onDone: 'over' } },
      over: {},
    },
    on: { SAID: { actions: assign({ heard: ({ context }) => context.heard + 1 }) } },
  }),
  { version: 1 },
)

test('who heard what was emitted goes back too; emitted events and effects are listed, and heard no second time', async () => {
  await using realm = await openTestRealm({ actors: [radio, listener] })
  await realm.send('listener/a', { type: 'SAID' })
  await realm.send('radio/a', { type: 'SAY' })
  await realm.settle()
  const place = await placeOf(realm)
  await realm.send('radio/a', { type: 'SAY' })
  await realm.settle()
  await realm.send('listener/a', { type: 'WORK' })
  await realm.settle()
  expect((await realm.operate.show('listener/a'))?.state.snapshot).toMatchObject({
    value: 'over',
    context: { heard: 3 },
  })
  const rewinding = await realm.past.rewind('radio/a', { seq: place })
  expect(rewinding.actors.map(({ address, why }) => [address, why?.type])).toEqual([
    ['radio/a', undefined],
    ['listener/a', 'SAID'],
  ])
  expect(rewinding.emitted).toMatchObject([{ from: 'radio/a', type: 'SAID' }])
  expect(rewinding.effects).toMatchObject([{ address: 'listener/a', name: 'work' }])
  await all(realm, rewinding.apply())
  // Whoever takes it up reads from where its subscription stands.
  await realm.restart()
  await realm.advance(1000)
  expect((await realm.operate.show('listener/a'))?.state.snapshot).toMatchObject({
    value: 'idle',
    context: { heard: 2 },
  })
  await realm.send('radio/a', { type: 'SAY' })
  await realm.settle()
  expect((await realm.operate.show('listener/a'))?.state.snapshot).toMatchObject({ context: { heard: 3 } })
})
