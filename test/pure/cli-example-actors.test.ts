/** The example kinds of `up`, in time that a test moves. */
import { expect, test } from 'vitest'
import { counter } from '#actors/counter.ts'
import { exampleActors } from '#actors/index.ts'
import { order } from '#actors/order.ts'
import { room } from '#actors/room.ts'
import { openTestRealm } from '#runtime/test.ts'

test('an order that is not paid in time cancels itself, also when no node ran at that instant', async () => {
  await using realm = await openTestRealm({ actors: exampleActors })
  const mine = realm.ref(order, '1')
  await mine.send({ type: 'PLACE', item: 'book', amount: 20 })
  await mine.send({ type: 'PAY', amount: 5 })
  await realm.advance('14 minutes')
  expect((await mine.read())?.value).toBe('placed')
  await realm.restart({ away: '1 hour' })
  await realm.settle()
  expect((await mine.read())?.output).toEqual({ paid: 5, shipped: false })
  expect(realm.emitted('order/1').map(({ type }) => type)).toEqual(['PLACED', 'CANCELLED'])
})

test('an order that is paid in parts is shipped, and its timer is gone', async () => {
  await using realm = await openTestRealm({ actors: exampleActors })
  const mine = realm.ref(order, '1')
  await mine.send({ type: 'PLACE', item: 'book', amount: 20 })
  for (const amount of [5, 15]) await mine.send({ type: 'PAY', amount })
  await realm.advance('1 hour')
  expect((await mine.read())?.value).toBe('paid')
  await mine.send({ type: 'SHIP' })
  await realm.settle()
  expect((await mine.read())?.output).toEqual({ paid: 20, shipped: true })
})

test('an amount that is none is parked, and the order stays as it was', async () => {
  await using realm = await openTestRealm({ actors: exampleActors })
  await realm.send('order/1', { type: 'PLACE', item: 'book', amount: -1 })
  await realm.settle()
  expect(await realm.parked.list()).toMatchObject([{ address: 'order/1', fault: { code: 'event.invalid' } }])
})

test('a room hears only who is in it, and remembers a hundred lines', async () => {
  await using realm = await openTestRealm({ actors: exampleActors })
  const lobby = realm.ref(room, 'lobby')
  await lobby.send({ type: 'JOIN', name: 'ada' })
  await lobby.send({ type: 'JOIN', name: 'ada' })
  await lobby.send({ type: 'SAY', name: 'eve', text: 'let me in' })
  for (let line = 0; line < 105; line++) await lobby.send({ type: 'SAY', name: 'ada', text: String(line) })
  await lobby.send({ type: 'LEAVE', name: 'ada' })
  await realm.settle()
  const { value, context } = (await lobby.read()) ?? {}
  expect(value).toBe('empty')
  expect(context?.lines).toHaveLength(100)
  expect(context?.lines.at(-1)).toEqual({ name: 'ada', text: '104' })
  expect(
    realm
      .emitted('room/lobby')
      .filter(({ type }) => type !== 'SAID')
      .map(({ type }) => type),
  ).toEqual(['JOINED', 'LEFT'])
})

test('a counter counts', async () => {
  await using realm = await openTestRealm({ actors: exampleActors })
  const mine = realm.ref(counter, 'a')
  await mine.send({ type: 'ADD', by: 4 })
  await mine.send({ type: 'ADD' })
  expect(await mine.ask({ type: 'GET' }, { timeoutMs: 1_000, emitted: 'COUNT' })).toEqual({ type: 'COUNT', count: 5 })
})
