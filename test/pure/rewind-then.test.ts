/** An actor goes back and takes an event in one commit; what is sent again behind it can be dropped and edited. */
import { expect, test } from 'vitest'
import { assign, emit, fromPromise, setup } from 'xstate'
import { z } from 'zod'
import { actor } from '#protocol/actor.ts'
import type { Address } from '#protocol/address.ts'
import type { AnyEvent } from '#protocol/envelope.ts'
import { tell } from '#runtime/core/actions.ts'
import type { Rewinding, Rewound } from '#runtime/index.ts'
import { openTestRealm, type TestRealm } from '#runtime/test.ts'

type Event =
  | { readonly type: 'ADD' | 'CORRECT'; readonly amount: number }
  | { readonly type: 'WORK' | 'REST' | 'LATER' }

const machine = setup({
  types: { context: {} as { sum: number; all: number[] }, events: {} as Event | { type: 'BOOM' } },
  actors: { work: fromPromise(async () => undefined) },
}).createMachine({
  context: { sum: 0, all: [] },
  initial: 'resting',
  on: {
    ADD: {
      actions: assign({
        sum: ({ context, event }) => context.sum + event.amount,
        all: ({ context, event }) => [...context.all, event.amount],
      }),
    },
    CORRECT: {
      target: '.resting',
      actions: [
        assign({ sum: ({ event }) => event.amount }),
        emit({ type: 'CORRECTED' }),
        tell('till/other', ({ event }) => ({ type: 'ADD', amount: event.amount })),
      ],
    },
    BOOM: {
      actions: assign({
        sum: (): number => {
          throw new Error('no')
        },
      }),
    },
  },
  states: {
    resting: { on: { WORK: 'working', LATER: 'waiting' } },
    working: { invoke: { src: 'work', onDone: 'resting' }, on: { REST: 'resting' } },
    waiting: { after: { 1000: 'late' } },
    late: {},
  },
})

const till = actor('till', machine, {
  version: 1,
  unhandled: 'park',
  schema: { CORRECT: z.object({ type: z.literal('CORRECT'), amount: z.number() }) },
})
/** The same under a supervision that ends it. */
const frail = actor('frail', machine, { version: 1, supervision: { strategy: 'stop' } })

/** Effects run until they are aborted, and are counted. */
async function openShop(): Promise<TestRealm & { readonly begun: () => number }> {
  let begun = 0
  const work = async (_: unknown, { signal }: { readonly signal: AbortSignal }): Promise<void> => {
    begun++
    await new Promise<void>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)))
  }
  const realm = await openTestRealm({ actors: [till, frail], effects: { work } })
  return Object.assign(realm, { begun: () => begun })
}

async function send(realm: TestRealm, event: AnyEvent, to = 'till/a'): Promise<void> {
  await realm.send(to, event)
  await realm.settle()
}

async function add(realm: TestRealm, ...amounts: readonly number[]): Promise<void> {
  for (const amount of amounts) await send(realm, { type: 'ADD', amount })
}

async function here(realm: TestRealm): Promise<{ readonly seq: number }> {
  return { seq: (await realm.bus.logState()).lastSeq }
}

async function snapshotOf(realm: TestRealm, address: Address = 'till/a') {
  const { value, context, status } = (await realm.operate.show(address))?.state.snapshot ?? {}
  return { value, context, status }
}

/** Time stands still in a test, and whoever waits for an outcome needs some. */
async function over<T>(realm: TestRealm, wanted: Promise<T>): Promise<T> {
  let isOver = false
  const done = wanted.finally(() => (isOver = true))
  done.catch(() => undefined)
  while (!isOver) await realm.advance(20)
  await realm.settle()
  return await done
}

async function correct(realm: TestRealm, rewinding: Rewinding, then: AnyEvent): Promise<readonly Rewound[]> {
  return await over(realm, rewinding.apply({ then }))
}

const five: AnyEvent = { type: 'CORRECT', amount: 5 }

test('it goes back and takes the event in one commit: nothing can come between [C16]', async () => {
  await using realm = await openShop()
  await add(realm, 1)
  const place = await here(realm)
  await add(realm, 20, 300)
  const rewinding = await realm.past.rewind('till/a', place)
  const applying = rewinding.apply({ then: five })
  await realm.send('till/a', { type: 'ADD', amount: 7 })
  expect(await over(realm, applying)).toMatchObject([{ address: 'till/a', is: 'back', then: 'taken' }])
  expect(await snapshotOf(realm)).toMatchObject({ context: { sum: 12, all: [1, 7] } })
  expect(await snapshotOf(realm, 'till/other')).toMatchObject({ context: { sum: 5 } })
  expect(realm.emitted('till/a')).toMatchObject([{ type: 'CORRECTED' }])
  const lines = await realm.operate.history('till/a', { limit: 50 })
  const both = lines.filter(({ steps }) => steps.some(({ type }) => type === 'perdure.rewind' || type === 'CORRECT'))
  expect(both).toHaveLength(1)
  expect(both[0]?.steps.map(({ type }) => type).slice(0, 2)).toEqual(['perdure.rewind', 'CORRECT'])
  // Whoever knows the log alone knows the same.
  const before = await snapshotOf(realm)
  await realm.restart({ keepStore: false })
  expect(await snapshotOf(realm)).toEqual(before)
})

test('one that has gone on since does not take the event either [C16]', async () => {
  await using realm = await openShop()
  await add(realm, 1)
  const rewinding = await realm.past.rewind('till/a', await here(realm))
  await add(realm, 20)
  expect(await correct(realm, rewinding, five)).toMatchObject([{ is: 'moved' }])
  expect(await snapshotOf(realm)).toMatchObject({ context: { sum: 21 } })
  expect(await realm.operate.show('till/other')).toBeUndefined()
  const parked = await realm.parked.list()
  expect(parked).toMatchObject([{ address: 'till/a', fault: { code: 'rewind.moved' }, event: undefined }])
  // A replay does not go back where it did not.
  for await (const { record } of realm.past.debug('till/a', { kind: till })) expect(record).toBeUndefined()
})

test('who was not there then takes no event, and what nobody may send is refused, before anything is written', async () => {
  await using realm = await openShop()
  await add(realm, 1)
  const never = await realm.past.rewind('till/a', { seq: 0 })
  const rewinding = await realm.past.rewind('till/a', await here(realm))
  const place = await here(realm)
  await expect(never.apply({ then: five })).rejects.toThrow(/was not there at that instant/)
  await expect(rewinding.apply({ then: { type: 'xstate.stop' } })).rejects.toMatchObject({ code: 'event.reserved' })
  await expect(rewinding.apply({ then: {} as AnyEvent })).rejects.toMatchObject({ code: 'event.untyped' })
  expect(await here(realm)).toEqual(place)
})

test.for([
  ['event.invalid', { type: 'CORRECT', amount: 'five' }],
  ['event.unhandled', { type: 'REST' }],
  ['machine', { type: 'BOOM' }],
] as const)(
  'the rewind stands where its event is parked (%s), as one that comes next would be',
  async ([code, then]) => {
    await using realm = await openShop()
    await add(realm, 1)
    const place = await here(realm)
    await add(realm, 20)
    const rewinding = await realm.past.rewind('till/a', place)
    expect(await correct(realm, rewinding, then)).toMatchObject([{ is: 'back', then: 'parked' }])
    expect(await snapshotOf(realm)).toMatchObject({ value: 'resting', context: { sum: 1 }, status: 'active' })
    const [parked, more] = await realm.parked.list()
    expect([parked, more]).toMatchObject([{ address: 'till/a', event: then }, undefined])
    if (code !== 'machine') expect(parked?.fault.code).toBe(code)
    await realm.parked.replay(parked?.place as number, five)
    await realm.settle()
    expect(await snapshotOf(realm)).toMatchObject({ context: { sum: 5 } })
    for await (const { record } of realm.past.debug('till/a', { kind: till })) expect(record).toBeUndefined()
  },
)

test('an event that ends its actor by what it throws ends the one that went back', async () => {
  await using realm = await openShop()
  await send(realm, { type: 'ADD', amount: 1 }, 'frail/a')
  const place = await here(realm)
  await send(realm, { type: 'ADD', amount: 20 }, 'frail/a')
  const rewinding = await realm.past.rewind('frail/a', place)
  expect(await correct(realm, rewinding, { type: 'BOOM' })).toMatchObject([{ is: 'back', then: 'parked' }])
  expect(await snapshotOf(realm, 'frail/a')).toMatchObject({ status: 'error', context: { sum: 1 } })
})

test('an effect that it goes back to and that the event leaves is not begun; one that the event starts is, once', async () => {
  await using realm = await openShop()
  await send(realm, { type: 'WORK' })
  const working = await here(realm)
  await send(realm, { type: 'REST' })
  const resting = await here(realm)
  expect(realm.begun()).toBe(1)
  await correct(realm, await realm.past.rewind('till/a', working), five)
  expect(realm.begun()).toBe(1)
  expect((await realm.operate.show('till/a'))?.state.book.effects).toBeUndefined()
  await correct(realm, await realm.past.rewind('till/a', resting), { type: 'WORK' })
  expect(realm.begun()).toBe(2)
  expect(await snapshotOf(realm)).toMatchObject({ value: 'working' })
  // And one that goes on in both goes on as it is.
  const on = await here(realm)
  await add(realm, 3)
  await correct(realm, await realm.past.rewind('till/a', on), { type: 'ADD', amount: 4 })
  expect(realm.begun()).toBe(2)
  // One that was to begin again does.
  await send(realm, { type: 'REST' })
  await correct(realm, await realm.past.rewind('till/a', on), { type: 'ADD', amount: 4 })
  expect(realm.begun()).toBe(3)
})

test('a timer that the event arms goes off', async () => {
  await using realm = await openShop()
  await add(realm, 1)
  const place = await here(realm)
  await add(realm, 20)
  await correct(realm, await realm.past.rewind('till/a', place), { type: 'LATER' })
  expect(await snapshotOf(realm)).toMatchObject({ value: 'waiting' })
  await realm.advance(1000)
  expect(await snapshotOf(realm)).toMatchObject({ value: 'late', context: { sum: 1 } })
})

test('the past over it is what it was: its inputs, each step again, its state, and a second rewind behind it', async () => {
  await using realm = await openShop()
  await add(realm, 1)
  const place = await here(realm)
  await add(realm, 20)
  const [done] = await correct(realm, await realm.past.rewind('till/a', place), five)
  const corrected = await here(realm)
  await add(realm, 300)
  const inputs: unknown[] = []
  for await (const { type, seq, arrival } of realm.past.inputs('till/a'))
    if (seq === done?.seq) inputs.push([type, arrival?.by === 'envelope' && arrival.envelope.content])
  expect(inputs).toMatchObject([
    ['perdure.rewind', { is: 'rewind' }],
    ['CORRECT', { is: 'event', event: five }],
  ])
  const contexts: unknown[] = []
  for await (const { old, record } of realm.past.debug('till/a', { kind: till })) {
    expect(record).toBeUndefined()
    contexts.push(old?.context)
  }
  expect(contexts).toMatchObject([1, 21, 1, 5, 305].map((sum) => ({ sum })))
  expect((await realm.past.at(corrected, 'till/a')).state?.snapshot.context).toMatchObject({ sum: 5 })
  const second = await realm.past.rewind('till/a', place)
  expect(second.actors.map(({ address }) => address)).toEqual(['till/a', 'till/other'])
  expect(second.lost.map(({ type }) => type)).toEqual(['ADD', 'CORRECT', 'ADD'])
  await over(realm, second.apply({ replay: true }))
  expect(await snapshotOf(realm)).toMatchObject({ context: { sum: 305, all: [1, 20, 300] } })
})

test('the envelope that sets it back is taken once, and its event with it, also when it stands there twice', async () => {
  await using realm = await openShop()
  await add(realm, 1)
  const place = await here(realm)
  await add(realm, 20)
  const [done] = await correct(realm, await realm.past.rewind('till/a', place), { type: 'ADD', amount: 5 })
  const entry = await realm.bus.get(done?.seq as number)
  const { subject, data } = entry as NonNullable<typeof entry>
  await realm.bus.append({ subject, data })
  await realm.settle()
  expect(await snapshotOf(realm)).toMatchObject({ context: { sum: 6 } })
  expect(await realm.parked.list()).toEqual([])
})

test('of what is sent again some is dropped and some is edited, behind the event of the rewind [C16]', async () => {
  await using realm = await openShop()
  await add(realm, 1)
  const place = await here(realm)
  await add(realm, 20, 300, 4000)
  const rewinding = await realm.past.rewind('till/a', place)
  const wrong = rewinding.apply({ replay: ({ event }) => ({ ...event, type: 'perdure.stop' }) })
  await expect(wrong).rejects.toMatchObject({ code: 'event.reserved' })
  expect(await snapshotOf(realm)).toMatchObject({ context: { sum: 4321 } })
  const replay = ({ event }: { readonly event: AnyEvent }): AnyEvent | undefined =>
    event['amount'] === 20 ? undefined : event['amount'] === 300 ? { ...event, amount: 301 } : event
  await over(realm, rewinding.apply({ replay, then: five }))
  expect(await snapshotOf(realm)).toMatchObject({ context: { sum: 4306, all: [1, 301, 4000] } })
})
