/** The actions that XState does not have: typed like its own, data in a step, harmless in a live actor. */
import { expect, expectTypeOf, test } from 'vitest'
import { createActor, enqueueActions, forwardTo, sendTo, setup, SimulatedClock } from 'xstate'
import type { Address } from '#protocol/address.ts'
import { Ref } from '#protocol/codec.ts'
import { refTo, reply, subscribe, tell, unsubscribe, unwatch, watch } from '#runtime/core/actions.ts'
import { stepperOf } from '#test/support/machines/stepper.ts'

type Event =
  | { type: 'ASK' }
  | { type: 'FOLLOW'; who: Address }
  | { type: 'LEAVE'; who: Address }
  | { type: 'PAY'; amount: number; to: string }

const account = setup({
  types: { context: {} as { balance: number; owner: Address }, events: {} as Event, emitted: {} as { type: 'paid' } },
  delays: { soon: 50 },
  actions: {
    answer: reply(({ context }) => ({ balance: context['balance'] })),
    tellBank: tell('bank/main', ({ event }) => ({ type: 'MOVED', by: event.type })),
  },
}).createMachine({
  context: { balance: 5, owner: 'user/ada' },
  on: {
    ASK: { actions: [reply(({ context }) => context.balance), reply('plain'), 'answer'] },
    FOLLOW: {
      actions: [
        watch(({ event }) => event.who),
        watch('user/a b'),
        watch(new Ref('user/x')),
        subscribe('order.*.PAID'),
        subscribe(({ context }) => `${context.owner.replace('/', '.')}.>`, { from: 'start' }),
        subscribe('a.b.c', { from: 17 }),
      ],
    },
    LEAVE: { actions: [unwatch(({ event }) => event.who), unsubscribe('order.*.PAID')] },
    PAY: {
      actions: [
        tell(
          ({ event }) => event.to,
          ({ event, context }) => ({ type: 'RECEIVE', amount: event.amount, from: context.owner }),
        ),
        tell('log/main', { type: 'PAID' }, { delay: 'soon', id: 'later' }),
        tell(({ context }) => context.owner, { type: 'PAID' }, { delay: 10 }),
        sendTo(({ context }) => refTo(context.owner), { type: 'HELLO' }),
        forwardTo(() => refTo('audit/1')),
        'tellBank',
        enqueueActions(({ enqueue, event }) => {
          enqueue(reply(event.amount))
          enqueue(tell('audit/1', { type: 'SEEN' }))
        }),
      ],
    },
  },
})

test('an answer is a value, computed when it is given', () => {
  expect(stepperOf(account).send('ASK')).toEqual([
    { do: 'reply', value: 5 },
    { do: 'reply', value: 'plain' },
    { do: 'reply', value: { balance: 5 } },
  ])
})

test('watching and following name an address or a pattern', () => {
  const actor = stepperOf(account)
  expect(actor.send('FOLLOW', { who: 'user/bob' })).toEqual([
    { do: 'watch', address: 'user/bob' },
    { do: 'watch', address: 'user/a=20b' },
    { do: 'watch', address: 'user/x' },
    { do: 'subscribe', pattern: 'order.*.PAID', from: 'now' },
    { do: 'subscribe', pattern: 'user.ada.>', from: 'start' },
    { do: 'subscribe', pattern: 'a.b.c', from: 17 },
  ])
  expect(actor.send('LEAVE', { who: 'user/bob' })).toEqual([
    { do: 'unwatch', address: 'user/bob' },
    { do: 'unsubscribe', pattern: 'order.*.PAID' },
  ])
})

test('telling is sending to an address, at once or later', () => {
  const event = { type: 'PAY', amount: 3, to: 'user/bob' }
  expect(stepperOf(account).step(event).actions).toEqual([
    { do: 'send', to: new Ref('user/bob'), event: { type: 'RECEIVE', amount: 3, from: 'user/ada' } },
    { do: 'send', to: new Ref('log/main'), event: { type: 'PAID' }, delay: 50, id: 'later', delayName: 'soon' },
    { do: 'send', to: new Ref('user/ada'), event: { type: 'PAID' }, delay: 10, delayName: '10' },
    { do: 'send', to: new Ref('user/ada'), event: { type: 'HELLO' } },
    { do: 'send', to: new Ref('audit/1'), event },
    { do: 'send', to: new Ref('bank/main'), event: { type: 'MOVED', by: 'PAY' } },
    { do: 'reply', value: 3 },
    { do: 'send', to: new Ref('audit/1'), event: { type: 'SEEN' } },
  ])
})

test('an address that is none is a fault of the step', () => {
  expect(() => stepperOf(account).send('FOLLOW', { who: 'nobody' })).toThrow('"nobody" is not an address')
  expect(() => refTo({} as never)).toThrow('is not an address')
  expect(refTo(new Ref('a/b'))).toBeInstanceOf(Ref)
})

test('in a live actor they do nothing', () => {
  const clock = new SimulatedClock()
  const heard: string[] = []
  const live = createActor(account, { clock })
  live.on('*', (event) => heard.push(event.type))
  live.start()
  live.send({ type: 'ASK' })
  live.send({ type: 'FOLLOW', who: 'user/bob' })
  live.send({ type: 'PAY', amount: 1, to: 'user/bob' })
  clock.increment(100)
  live.send({ type: 'LEAVE', who: 'user/bob' })
  expect(live.getSnapshot()).toMatchObject({ status: 'active', context: { balance: 5 } })
  expect(heard).toEqual([])
  live.stop()
})

test('what they are told is checked', () => {
  const { createMachine } = setup({
    types: { context: {} as { n: number }, events: {} as { type: 'A'; who: Address } },
  })
  createMachine({
    context: { n: 1 },
    on: {
      A: {
        actions: [
          reply(({ context, event }) => {
            expectTypeOf(context).toEqualTypeOf<{ n: number }>()
            expectTypeOf(event.type).toEqualTypeOf<'A'>()
            return context.n
          }),
          // @ts-expect-error an address is text
          watch(({ context }) => context.n),
          // @ts-expect-error there is no such field
          reply(({ event }) => event.nothing),
          // @ts-expect-error an event has a type
          tell('a/b', { amount: 1 }),
          // @ts-expect-error a position is a number
          subscribe('a.b.c', { from: 'yesterday' }),
        ],
      },
    },
  })
  expectTypeOf(refTo('a/b').address).toEqualTypeOf<Address>()
})
