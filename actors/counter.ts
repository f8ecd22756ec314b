/** The smallest actor that is of use: it counts, and says so. An example kind of `perdure up`. */
import { assign, emit, setup } from 'xstate'
import { actor } from '#protocol/actor.ts'

export type CounterEvent = { readonly type: 'ADD'; readonly by?: number } | { readonly type: 'GET' }

/** Counts for ever; `perdure ask counter/a GET --emitted COUNT` reads it. */
export const counterMachine = setup({
  types: {
    context: {} as { readonly count: number },
    events: {} as CounterEvent,
    emitted: {} as { readonly type: 'COUNT'; readonly count: number },
  },
  actions: {
    add: assign({ count: ({ context, event }) => context.count + (event.type === 'ADD' ? (event.by ?? 1) : 0) }),
    tell: emit(({ context }) => ({ type: 'COUNT' as const, count: context.count })),
  },
}).createMachine({
  id: 'counter',
  context: { count: 0 },
  on: { ADD: { actions: 'add' }, GET: { actions: 'tell' } },
})

export const counter = actor('counter', counterMachine, { version: 1, effects: [] })
