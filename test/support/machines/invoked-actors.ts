/** Machines and transition logic that a state invokes, and what they and their parents tell each other. */
import { assign, emit, forwardTo, fromPromise, fromTransition, sendParent, sendTo, setup } from 'xstate'
import { type Scenario, send, types, wait } from './scenario.ts'

export const invokedActors: readonly Scenario[] = [
  {
    name: 'a machine within a machine, which answers its parent',
    uses: ['invoke machine', 'sendParent', 'sendTo child', 'output', 'onDone'],
    make: () => {
      const cook = setup({ types }).createMachine({
        id: 'cook',
        context: ({ input }: any) => ({ dish: input.dish, steps: 0 }),
        initial: 'cooking',
        states: {
          cooking: {
            entry: sendParent(({ context }: any) => ({ type: 'STARTED', dish: context.dish })),
            on: {
              STIR: {
                actions: [
                  assign({ steps: ({ context }: any) => context.steps + 1 }),
                  sendParent(({ context }: any) => ({ type: 'STIRRED', steps: context.steps })),
                ],
              },
              SERVE: 'served',
            },
          },
          served: { type: 'final' },
        },
        output: ({ context }: any) => `${context.dish} (${context.steps})`,
      } as never)
      return setup({ types, actors: { cook } }).createMachine({
        context: { log: [] },
        initial: 'open',
        states: {
          open: { on: { ORDER: 'kitchen' } },
          kitchen: {
            invoke: {
              id: 'cook',
              src: 'cook',
              input: ({ event }: any) => ({ dish: event.dish }),
              onDone: {
                target: 'open',
                actions: assign({ log: ({ context, event }: any) => [...context.log, event.output] }),
              },
            },
            on: {
              STIR: { actions: sendTo('cook', { type: 'STIR' }) },
              SERVE: { actions: sendTo('cook', { type: 'SERVE' }) },
              CANCEL: 'open',
            },
          },
        },
        on: { '*': { actions: assign({ log: ({ context, event }: any) => [...context.log, event.type] }) } },
      } as never)
    },
    script: [
      send('ORDER', { dish: 'soup' }),
      send('STIR'),
      send('STIR'),
      send('SERVE'),
      send('ORDER', { dish: 'pie' }),
      send('CANCEL'),
      send('ORDER', { dish: 'tea' }),
    ],
    ends: {
      status: 'active',
      value: 'kitchen',
      context: { log: ['STARTED', 'STIRRED', 'STIRRED', 'soup (2)', 'STARTED', 'STARTED'] },
      children: { cook: { status: 'active', value: 'cooking', context: { dish: 'tea', steps: 0 } } },
    },
  },
  {
    name: 'a child that is sent to by the entry action of the state that invokes it',
    uses: ['invoke machine', 'sendTo before spawn', 'emit in a child'],
    make: () => {
      const child = setup({ types }).createMachine({
        context: { got: [] },
        on: {
          HELLO: {
            actions: [
              assign({ got: ({ context, event }: any) => [...context.got, event.n] }),
              emit({ type: 'greeted' }),
            ],
          },
        },
      } as never)
      return setup({ types, actors: { child } }).createMachine({
        initial: 'a',
        states: {
          a: { on: { GO: 'b' } },
          b: {
            entry: [sendTo('kid', { type: 'HELLO', n: 1 }), sendTo('kid', { type: 'HELLO', n: 2 })],
            invoke: { id: 'kid', src: 'child' },
            on: { GO: 'a' },
          },
        },
      } as never)
    },
    script: [send('GO')],
    ends: { status: 'active', value: 'b', children: { kid: { status: 'active', context: { got: [1, 2] } } } },
  },
  {
    name: 'transition logic as a child, watched by its parent',
    uses: ['invoke transition', 'onSnapshot', 'sendTo child'],
    make: () =>
      setup({
        types,
        actors: {
          tally: fromTransition(
            (state: { n: number }, event: any) => (event.type === 'ADD' ? { n: state.n + event.by } : state),
            ({ input }: any) => ({ n: input }),
          ),
        },
      }).createMachine({
        context: { seen: null },
        initial: 'on',
        states: {
          on: {
            invoke: {
              id: 'tally',
              src: 'tally',
              input: 100,
              onSnapshot: { actions: assign({ seen: ({ event }: any) => event.snapshot.context.n }) },
            },
            on: { ADD: { actions: forwardTo('tally') }, OFF: 'off' },
          },
          off: {},
        },
      } as never),
    script: [send('ADD', { by: 1 }), send('ADD', { by: 2 })],
    ends: {
      status: 'active',
      value: 'on',
      context: { seen: 103 },
      children: { tally: { status: 'active', context: { n: 103 } } },
    },
  },
  {
    name: 'a child that throws is heard by its parent',
    uses: ['invoke machine', 'onError'],
    make: () => {
      const child = setup({
        types,
        guards: {
          boom: () => {
            throw new Error('boom')
          },
        },
      }).createMachine({ initial: 'a', states: { a: { on: { GO: { guard: 'boom', target: 'b' } } }, b: {} } })
      return setup({ types, actors: { child } }).createMachine({
        context: { failed: false },
        initial: 'on',
        states: {
          on: {
            invoke: {
              id: 'kid',
              src: 'child',
              onError: {
                target: 'off',
                actions: assign({ failed: ({ event }: any) => event.error.message.includes('boom') }),
              },
            },
            on: { GO: { actions: sendTo('kid', { type: 'GO' }) } },
          },
          off: {},
        },
      } as never)
    },
    script: [send('GO')],
    ends: { status: 'active', value: 'off', context: { failed: true } },
  },
  {
    name: 'a child in error whom nobody hears takes its parent along',
    uses: ['invoke promise', 'unhandled error', 'hierarchy'],
    make: () => {
      const middle = setup({
        types,
        actors: {
          fail: fromPromise(async () => {
            throw new Error('unheard')
          }),
        },
      }).createMachine({ initial: 'a', states: { a: { invoke: { id: 'fail', src: 'fail' } } } })
      return setup({ types, actors: { middle } }).createMachine({
        context: { why: null },
        initial: 'on',
        states: {
          on: {
            invoke: {
              id: 'middle',
              src: 'middle',
              onError: { target: 'off', actions: assign({ why: ({ event }: any) => event.error.message }) },
            },
          },
          off: {},
        },
      } as never)
    },
    script: [wait(0)],
    ends: { status: 'active', value: 'off', context: { why: 'unheard' } },
  },
  {
    name: 'an invocation of the machine itself lasts as long as the machine',
    uses: ['invoke at the root', 'final', 'sendTo child'],
    make: () => {
      const child = setup({ types }).createMachine({
        context: { n: 0 },
        on: {
          TICK: {
            actions: [
              assign({ n: ({ context }: any) => context.n + 1 }),
              sendParent(({ context }: any) => ({ type: 'TOCK', n: context.n })),
            ],
          },
        },
      } as never)
      return setup({ types, actors: { child } }).createMachine({
        context: { n: 0 },
        invoke: { id: 'kid', src: 'child' },
        initial: 'a',
        on: {
          TOCK: { actions: assign({ n: ({ event }: any) => event.n }) },
          TICK: { actions: sendTo('kid', { type: 'TICK' }) },
        },
        states: { a: { on: { GO: 'b' } }, b: { on: { END: 'over' } }, over: { type: 'final' } },
        output: ({ context }: any) => context.n,
      } as never)
    },
    script: [send('TICK'), send('GO'), send('TICK'), send('END'), send('TICK')],
    ends: { status: 'done', value: 'over', context: { n: 2 }, output: 2, children: {} },
  },
]
