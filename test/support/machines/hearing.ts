/** Parts of machines that write down what they hear, and a child that counts and tells. */
import { type AnyEventObject, assign, emit, sendParent, setup } from 'xstate'

export type Heard = { heard: unknown[] }

/** Any value, but one that does not swallow the type of a function beside it. */
type What = string | number | boolean | object | null | undefined

export const hear = assign<Heard, AnyEventObject, What, AnyEventObject, never>({
  heard: ({ context }, what) => [...context.heard, what],
})
export const hearing = { types: { context: {} as Heard }, actions: { hear } }

export const counting = setup({
  types: { context: {} as { n: number }, input: {} as number | undefined },
}).createMachine({
  context: ({ input }) => ({ n: input ?? 0 }),
  initial: 'on',
  states: {
    on: {
      on: {
        INC: {
          actions: [
            assign({ n: ({ context }) => context.n + 1 }),
            emit(({ context }) => ({ type: 'counted', n: context.n })),
          ],
        },
        END: 'over',
        UP: { actions: sendParent(({ context }) => ({ type: 'FROM_KID', n: context.n })) },
      },
    },
    over: { type: 'final', tags: 'finished' },
  },
  output: ({ context }) => ({ n: context.n, all: new Map([['n', context.n]]) }),
})
