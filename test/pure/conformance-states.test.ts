import { assign, setup } from 'xstate'
import { runs } from '#test/support/three-ways.ts'

runs('a counter', {
  machine: setup({ types: { context: {} as { n: number } } }).createMachine({ context: { n: 0 }, on: { ADD: { actions: assign({ n: ({ context }) => context.n + 1 }) } } }),
  steps: [{ type: 'ADD' }, { type: 'NONE' }, { type: 'ADD' }],
  ends: { context: { n: 2 } },
})
