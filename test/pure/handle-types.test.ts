/** What a program gets without a single annotation: these laws are checked by the compiler. */
import { assign, fromTransition, setup } from 'xstate'
import { expectTypeOf, test } from 'vitest'
import { actor } from '#protocol/actor.ts'
import type { RealmHandle } from '#runtime/client/realm-handle.ts'

const order = setup({
  types: {
    context: {} as { paid: number; note: string | null },
    events: {} as { type: 'PAY'; amount: number } | { type: 'CANCEL' },
    input: {} as { customer: string },
    output: {} as { receipt: string },
    tags: {} as 'open' | 'closed',
  },
}).createMachine({
  context: ({ input }) => ({ paid: 0, note: input.customer }),
  initial: 'waiting',
  states: {
    waiting: {
      tags: 'open',
      on: { PAY: { target: 'paid', actions: assign({ paid: ({ event }) => event.amount }) }, CANCEL: 'cancelled' },
    },
    paid: { type: 'final', tags: 'closed' },
    cancelled: { type: 'final' },
  },
  output: ({ context }) => ({ receipt: `${context.note}-${context.paid}` }),
})
const orders = actor('order', order)
const tally = actor(
  'tally',
  fromTransition((state: { n: number }, event: { type: 'ADD'; by: number }) => ({ n: state.n + event.by }), { n: 0 }),
)

/** Never called: only its types count. */
function program(realm: RealmHandle) {
  return {
    order: realm.ref(orders, '42'),
    tally: realm.ref(tally, 'a'),
    started: () => realm.start(orders, '42', { input: { customer: 'ada' } }),
  }
}
type Program = ReturnType<typeof program>

test('events go in typed by the machine', () => {
  expectTypeOf<Program['order']['send']>()
    .parameter(0)
    .toEqualTypeOf<{ type: 'PAY'; amount: number } | { type: 'CANCEL' }>()
  expectTypeOf<Program['tally']['send']>().parameter(0).toEqualTypeOf<{ type: 'ADD'; by: number }>()
  const wrong = (one: Program['order']): void => {
    // @ts-expect-error there is no such event
    void one.send({ type: 'PAID' })
    // @ts-expect-error its amount is a number
    void one.send({ type: 'PAY', amount: '5' })
    // @ts-expect-error there is no such state
    void one.waitFor((snapshot) => snapshot.matches('shipped'), { timeoutMs: 1 })
  }
  expectTypeOf(wrong).returns.toBeVoid()
})

test('snapshots come out typed by the machine', () => {
  type Snapshot = Awaited<ReturnType<Program['order']['waitFor']>>
  expectTypeOf<Snapshot['context']>().toEqualTypeOf<{ paid: number; note: string | null }>()
  expectTypeOf<Snapshot['value']>().toEqualTypeOf<'waiting' | 'paid' | 'cancelled'>()
  expectTypeOf<Parameters<Snapshot['hasTag']>[0]>().toEqualTypeOf<'open' | 'closed'>()
  expectTypeOf<Awaited<ReturnType<Program['order']['read']>>>().toEqualTypeOf<Snapshot | undefined>()
  expectTypeOf<ReturnType<Program['order']['getSnapshot']>>().toEqualTypeOf<Snapshot>()
  expectTypeOf<ReturnType<Program['tally']['getSnapshot']>['context']>().toEqualTypeOf<{ n: number }>()
})

test('input and output are those of the machine', () => {
  expectTypeOf<Awaited<ReturnType<Program['order']['output']>>>().toEqualTypeOf<{ receipt: string }>()
  const wrong = (realm: RealmHandle): void => {
    // @ts-expect-error the customer is missing
    void realm.start(orders, '42', { input: {} })
  }
  expectTypeOf(wrong).returns.toBeVoid()
  expectTypeOf<Awaited<ReturnType<Program['started']>>['send']>()
    .parameter(0)
    .toEqualTypeOf<{ type: 'PAY'; amount: number } | { type: 'CANCEL' }>()
})
