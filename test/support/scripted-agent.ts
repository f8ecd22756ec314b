/**
 * An agent that takes two hundred turns by a script. In each it asks its model, which lives outside,
 * keeps and emits the answer, and puts it into its outbox; after some it rests for a moment.
 */
import { assign, emit, fromPromise, setup } from 'xstate'
import { type ActorKind, actor } from '#protocol/actor.ts'
import { tell } from '#runtime/core/actions.ts'

export const turns = 200
export const agentAt = 'agent/scripted'
export const outboxAt = 'outbox/all'

export type Agent = { readonly turn: number; readonly heard: readonly string[]; readonly kept: number }
export type Letter = { readonly type: 'PUT'; readonly turn: number; readonly text: string }
export type Outbox = { readonly letters: readonly string[] }

type AgentEvent = { readonly type: 'BEGIN' } | { readonly type: 'KEPT' }

/** What the script says in each turn: the same to whoever asks, however often. */
export const answerOf = (turn: number): string => `${turn}: ${(turn * 7919) % 1009}`

const restMs = 20

const outbox = setup({
  types: { context: {} as Outbox, events: {} as Letter },
  actions: {
    keep: assign({ letters: ({ context, event }) => [...context.letters, event.text] }),
    confirm: tell(agentAt, { type: 'KEPT' }),
  },
}).createMachine({
  context: { letters: [] },
  on: { PUT: { actions: ['keep', 'confirm'] } },
})

const agentAsking = (model: (turn: number) => Promise<string>) =>
  setup({
    types: { context: {} as Agent, events: {} as AgentEvent, emitted: {} as { type: 'turned'; text: string } },
    actors: { think: fromPromise(({ input }: { input: number }) => model(input)) },
    actions: { count: assign({ kept: ({ context }) => context.kept + 1 }) },
    guards: {
      done: ({ context }) => context.turn === turns,
      tired: ({ context }) => context.turn % 6 === 0,
    },
    delays: { rest: restMs },
  }).createMachine({
    context: { turn: 0, heard: [], kept: 0 },
    initial: 'idle',
    on: { KEPT: { actions: 'count' } },
    states: {
      idle: { on: { BEGIN: 'thinking' } },
      thinking: {
        invoke: {
          src: 'think',
          input: ({ context }) => context.turn + 1,
          onDone: {
            target: 'turned',
            actions: [
              assign({
                turn: ({ context }) => context.turn + 1,
                heard: ({ context, event }) => [...context.heard, event.output],
              }),
              emit(({ event }) => ({ type: 'turned', text: event.output })),
              tell(outboxAt, ({ context, event }) => ({ type: 'PUT', turn: context.turn, text: event.output })),
            ],
          },
        },
      },
      turned: {
        always: [{ guard: 'done', target: 'over' }, { guard: 'tired', target: 'resting' }, { target: 'thinking' }],
      },
      resting: { after: { rest: 'thinking' } },
      over: {},
    },
  })

export function scriptedAgent(model: (turn: number) => Promise<string>): readonly ActorKind[] {
  return [actor('agent', agentAsking(model)), actor('outbox', outbox)]
}
