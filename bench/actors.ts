/** The kinds that the works run. Each keeps in its context what shows afterwards that nothing was lost or taken twice. */
import { assign, setup } from 'xstate'
import { actor } from '#protocol/actor.ts'
import { tell } from '#runtime/core/actions.ts'

type Add = { readonly type: 'ADD'; readonly by: number }

/** Counts events, and sums what they carry: one lost and another taken twice would not show in a count. */
export const counter = actor(
  'counter',
  setup({ types: { context: {} as { count: number; sum: number }, events: {} as Add } }).createMachine({
    id: 'counter',
    context: { count: 0, sum: 0 },
    on: {
      ADD: {
        actions: assign(({ context, event }) => ({ count: context.count + 1, sum: context.sum + event.by })),
      },
    },
  }),
)

/** `at`: the actor's place in the ring; `left`: the hops to go. */
type Token = { readonly type: 'TOKEN'; readonly at: number; readonly of: number; readonly left: number }

/** Hands a token on to its neighbour until it has made its hops. */
export const ring = actor(
  'ring',
  setup({
    types: { context: {} as { hops: number; ended: number }, events: {} as Token },
    guards: { moving: ({ event }) => event.left > 0 },
  }).createMachine({
    id: 'ring',
    context: { hops: 0, ended: 0 },
    on: {
      TOKEN: [
        {
          guard: 'moving',
          actions: [
            assign({ hops: ({ context }) => context.hops + 1 }),
            tell(
              ({ event }) => `ring/${(event.at + 1) % event.of}`,
              ({ event }) => ({ ...event, at: (event.at + 1) % event.of, left: event.left - 1 }),
            ),
          ],
        },
        { actions: assign({ ended: ({ context }) => context.ended + 1 }) },
      ],
    },
  }),
)

type Arm = { readonly type: 'ARM'; readonly ms: number }

/** Arms one timer and notes that it rang; when, its state says. */
export const alarm = actor(
  'alarm',
  setup({
    types: { context: {} as { ms: number }, events: {} as Arm },
    delays: { wait: ({ context }) => context.ms },
  }).createMachine({
    id: 'alarm',
    context: { ms: 0 },
    initial: 'resting',
    states: {
      resting: { on: { ARM: { target: 'armed', actions: assign({ ms: ({ event }) => event.ms }) } } },
      armed: { after: { wait: 'rung' } },
      rung: {},
    },
  }),
)

type Say = { readonly type: 'SAY'; readonly who: string; readonly text: string }

/** A conversation: every turn stays in the context. */
export const conversation = actor(
  'conversation',
  setup({
    types: { context: {} as { turns: readonly { who: string; text: string }[] }, events: {} as Say },
  }).createMachine({
    id: 'conversation',
    context: { turns: [] },
    on: {
      SAY: {
        actions: assign({
          turns: ({ context, event }) => [...context.turns, { who: event.who, text: event.text }],
        }),
      },
    },
  }),
)

type Fill = { readonly type: 'FILL'; readonly seed: number; readonly bytes: number; readonly waitMs: number }

/** Holds so much that does not compress, counts how often it was filled, and may wait for an instant far off. */
export const box = actor(
  'box',
  setup({
    types: { context: {} as { filled: number; text: string; waitMs: number }, events: {} as Fill },
    delays: { wait: ({ context }) => context.waitMs },
    guards: { waiting: ({ event }) => event.waitMs > 0 },
  }).createMachine({
    id: 'box',
    context: { filled: 0, text: '', waitMs: 0 },
    initial: 'open',
    states: { open: {}, waiting: { after: { wait: 'open' } } },
    on: {
      FILL: [
        { guard: 'waiting', target: '.waiting', actions: assign(({ context, event }) => filledWith(context, event)) },
        { actions: assign(({ context, event }) => filledWith(context, event)) },
      ],
    },
  }),
)

function filledWith({ filled }: { readonly filled: number }, { seed, bytes, waitMs }: Fill) {
  let at = seed + 1
  let text = ''
  while (text.length < bytes) {
    at = (at * 1_103_515_245 + 12_345) % 2_147_483_648
    text += at.toString(36)
  }
  return { filled: filled + 1, text: text.slice(0, bytes), waitMs }
}

export const benchActors = [counter, ring, alarm, conversation, box]
