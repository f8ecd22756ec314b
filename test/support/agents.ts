/**
 * An agent that knows its provider by address alone, and a provider whose model is called where
 * the label `model` is. `infer` is what the model does; who runs a node decides.
 */
import { assign, fromPromise, sendTo, setup } from 'xstate'
import { actor } from '#protocol/actor.ts'
import { refTo } from '#runtime/core/actions.ts'

type AgentEvent =
  | { readonly type: 'ASK'; readonly provider: string; readonly self: string; readonly word: string }
  | { readonly type: 'ANSWERED'; readonly text: string }

type InferEvent = { readonly type: 'INFER'; readonly to: string; readonly word: string }

const agent = setup({
  types: { context: {} as { heard: string[] }, events: {} as AgentEvent },
}).createMachine({
  context: { heard: [] },
  initial: 'idle',
  states: { idle: {}, waiting: {} },
  on: {
    ASK: {
      target: '.waiting',
      actions: sendTo(
        ({ event }) => refTo(event.provider),
        ({ event }) => ({ type: 'INFER', to: event.self, word: event.word }),
      ),
    },
    ANSWERED: {
      target: '.idle',
      actions: assign({ heard: ({ context, event }) => [...context.heard, event.text] }),
    },
  },
})

const providerOf = (infer: (word: string) => Promise<string>) =>
  setup({
    types: { context: {} as { queue: InferEvent[]; calls: number }, events: {} as InferEvent },
    actors: { infer: fromPromise(({ input }: { input: string }) => infer(input)) },
    actions: { line: assign({ queue: ({ context, event }) => [...context.queue, event] }) },
    guards: { asked: ({ context }) => context.queue.length > 0 },
  }).createMachine({
    context: { queue: [], calls: 0 },
    initial: 'idle',
    on: { INFER: { actions: 'line' } },
    states: {
      idle: { always: { guard: 'asked', target: 'calling' } },
      calling: {
        invoke: {
          src: 'infer',
          input: ({ context }) => context.queue[0]?.word ?? '',
          onDone: {
            target: 'idle',
            actions: [
              sendTo(
                ({ context }) => refTo(context.queue[0]?.to ?? ''),
                ({ event }) => ({ type: 'ANSWERED', text: event.output }),
              ),
              assign({
                queue: ({ context }) => context.queue.slice(1),
                calls: ({ context }) => context.calls + 1,
              }),
            ],
          },
        },
      },
    },
  })

export function agentsWith(infer: (word: string) => Promise<string>, label: string | undefined) {
  return [
    actor('agent', agent),
    actor('provider', providerOf(infer), { effects: { infer: label === undefined ? {} : { label } } }),
  ]
}
