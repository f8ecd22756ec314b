/**
 * An order that is paid in time, or cancels itself: the timer is a part of its state, so it also
 * fires when every process was away in between. An example kind of `perdure up`.
 */
import { assign, emit, setup } from 'xstate'
import { actor, type Schema } from '#protocol/actor.ts'

export type OrderEvent =
  | { readonly type: 'PLACE'; readonly item: string; readonly amount: number; readonly payWithinMs?: number }
  | { readonly type: 'PAY'; readonly amount: number }
  | { readonly type: 'SHIP' }
  | { readonly type: 'CANCEL' }

export type OrderEmitted =
  | { readonly type: 'PLACED'; readonly item: string; readonly amount: number }
  | { readonly type: 'PAID'; readonly amount: number }
  | { readonly type: 'SHIPPED'; readonly item: string }
  | { readonly type: 'CANCELLED'; readonly refund: number }

type OrderContext = {
  readonly item: string
  readonly amount: number
  readonly paid: number
  readonly payWithinMs: number
}

const quarterHourMs = 900_000

/** Placed once, paid in one or more parts within `payWithinMs`, then shipped. */
export const orderMachine = setup({
  types: {
    context: {} as OrderContext,
    events: {} as OrderEvent,
    emitted: {} as OrderEmitted,
    tags: {} as 'unpaid' | 'settled',
    output: {} as { readonly paid: number; readonly shipped: boolean },
  },
  delays: { paymentTime: ({ context }) => context.payWithinMs },
  guards: {
    sufficient: ({ context, event }) => event.type === 'PAY' && context.paid + event.amount >= context.amount,
  },
  actions: {
    fill: assign(({ context, event }) => {
      if (event.type !== 'PLACE') return context
      const { item, amount, payWithinMs = quarterHourMs } = event
      return { item, amount, paid: 0, payWithinMs }
    }),
    collect: assign({ paid: ({ context, event }) => context.paid + (event.type === 'PAY' ? event.amount : 0) }),
    announce: emit(({ context: { item, amount } }) => ({ type: 'PLACED' as const, item, amount })),
    acknowledge: emit(({ context }) => ({ type: 'PAID' as const, amount: context.paid })),
    dispatch: emit(({ context }) => ({ type: 'SHIPPED' as const, item: context.item })),
    refund: emit(({ context }) => ({ type: 'CANCELLED' as const, refund: context.paid })),
  },
}).createMachine({
  id: 'order',
  context: { item: '', amount: 0, paid: 0, payWithinMs: quarterHourMs },
  initial: 'empty',
  output: ({ context }) => ({ paid: context.paid, shipped: context.paid >= context.amount }),
  states: {
    empty: {
      on: { PLACE: { target: 'placed', actions: ['fill', 'announce'] } },
    },
    placed: {
      tags: 'unpaid',
      after: { paymentTime: 'cancelled' },
      on: {
        PAY: [{ guard: 'sufficient', target: 'paid', actions: 'collect' }, { actions: 'collect' }],
        CANCEL: 'cancelled',
      },
    },
    paid: {
      tags: 'settled',
      entry: 'acknowledge',
      on: { SHIP: 'shipped' },
    },
    shipped: { type: 'final', tags: 'settled', entry: 'dispatch' },
    cancelled: { type: 'final', entry: 'refund' },
  },
})

/** What does not fit is parked with the reason, and the order stays as it was. */
const positiveAmount: Schema = {
  '~standard': {
    version: 1,
    validate(value) {
      const { amount } = value as { amount?: unknown }
      const isPositive = typeof amount === 'number' && Number.isFinite(amount) && amount > 0
      return isPositive ? { value } : { issues: [{ message: 'must be a number above 0', path: ['amount'] }] }
    },
  },
}

export const order = actor('order', orderMachine, {
  version: 1,
  schema: { PLACE: positiveAmount, PAY: positiveAmount },
  effects: [],
  decisions: true,
})
