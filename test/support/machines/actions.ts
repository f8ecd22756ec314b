/** What a transition does: its own actions, XState's, and in which order. */
import { assign, emit, enqueueActions, log, raise, sendTo, setup } from 'xstate'
import { type Scenario, send, types } from './scenario.ts'

export const acting: readonly Scenario[] = [
  {
    name: 'named actions with parameters from context and event',
    uses: ['custom actions', 'action params', 'actions without implementation'],
    make: (note) =>
      setup({
        types,
        actions: {
          greet: (_: any, params: { to: string }) => note('greet', params.to),
          plain: ({ context, event }: any) => note('plain', [context.name, event.type]),
        },
      }).createMachine({
        context: { name: 'Ada' },
        entry: 'plain',
        on: {
          HELLO: {
            actions: [
              { type: 'greet', params: { to: 'all' } },
              { type: 'greet', params: ({ context, event }: any) => ({ to: `${context.name} from ${event.from}` }) },
              'plain',
              'nobodyWroteThis',
            ],
          },
        },
      } as never),
    script: [send('HELLO', { from: 'Bob' })],
    ends: {
      status: 'active',
      context: { name: 'Ada' },
      notes: [
        ['plain', ['Ada', 'xstate.init']],
        ['greet', 'all'],
        ['greet', 'Ada from Bob'],
        ['plain', ['Ada', 'HELLO']],
      ],
    },
  },
  {
    name: 'an action sees the context of its own moment',
    uses: ['assign order', 'custom actions'],
    make: (note) =>
      setup({ types, actions: { show: ({ context }: any) => note('show', context.n) } }).createMachine({
        context: { n: 0 },
        initial: 'a',
        states: {
          a: {
            exit: [assign({ n: ({ context }: any) => context.n + 1 }), 'show'],
            on: { GO: { target: 'b', actions: [assign({ n: ({ context }: any) => context.n * 10 }), 'show'] } },
          },
          b: {
            entry: ['show', assign(({ context, event }: any) => ({ n: context.n + event.by })), 'show'],
            on: { GO: 'a' },
          },
        },
      } as never),
    script: [send('GO', { by: 5 }), send('GO', { by: 5 })],
    ends: {
      status: 'active',
      value: 'a',
      context: { n: 15 },
      notes: [
        ['show', 1],
        ['show', 10],
        ['show', 10],
        ['show', 15],
      ],
    },
  },
  {
    name: 'actions decided at run time',
    uses: ['enqueueActions', 'check', 'emit', 'raise', 'assign'],
    make: (note) =>
      setup({
        types,
        actions: {
          tell: (_: any, params: { what: string }) => note('tell', params.what),
          bump: assign({ n: ({ context }: any) => context.n + 1 }),
        },
        guards: { big: ({ context }: any) => context.n > 1 },
      }).createMachine({
        context: { n: 0 },
        on: {
          GO: {
            actions: enqueueActions(({ enqueue, check, event }: any) => {
              enqueue('bump')
              if (check('big')) enqueue.emit({ type: 'big' })
              else enqueue({ type: 'tell', params: { what: 'small' } })
              enqueue.assign({ last: event.type })
              if (check(({ context }: any) => context.n === 2)) enqueue.raise({ type: 'MORE' })
            }) as never,
          },
          MORE: {
            actions: [
              { type: 'tell', params: ({ context }: any) => ({ what: `more at ${context.n}` }) },
              emit(({ context }: any) => ({ type: 'more', n: context.n })),
            ],
          },
        },
      } as never),
    script: [send('GO'), send('GO'), send('GO')],
    ends: {
      status: 'active',
      context: { n: 3, last: 'GO' },
      notes: [
        ['tell', 'small'],
        ['tell', 'small'],
        ['tell', 'more at 3'],
      ],
      emitted: [{ type: 'big' }, { type: 'more', n: 3 }],
    },
  },
  {
    name: 'emitted events, plain and computed',
    uses: ['emit'],
    make: () =>
      setup({ types }).createMachine({
        context: { n: 1 },
        initial: 'a',
        states: {
          a: {
            entry: emit({ type: 'entered', state: 'a' }),
            exit: emit({ type: 'left', state: 'a' }),
            on: {
              GO: {
                target: 'b',
                actions: emit(({ context, event }: any) => ({ type: 'moved', n: context.n, by: event.type })),
              },
            },
          },
          b: { on: { GO: 'a', END: 'over' } },
          over: { type: 'final', entry: emit({ type: 'over' }) },
        },
      } as never),
    script: [send('GO'), send('GO'), send('GO'), send('END')],
    ends: {
      status: 'done',
      value: 'over',
      emitted: [
        { type: 'entered', state: 'a' },
        { type: 'left', state: 'a' },
        { type: 'moved', n: 1, by: 'GO' },
        { type: 'entered', state: 'a' },
        { type: 'left', state: 'a' },
        { type: 'moved', n: 1, by: 'GO' },
        { type: 'over' },
      ],
    },
  },
  {
    name: 'log lines, with and without a label',
    uses: ['log'],
    make: () =>
      setup({ types }).createMachine({
        context: { who: 'Ada' },
        on: {
          SAY: { actions: [log('plain'), log(({ context, event }: any) => `${context.who}: ${event.text}`, 'chat')] },
          ALL: { actions: log() },
        },
      } as never),
    script: [send('SAY', { text: 'hi' }), send('ALL')],
    ends: {
      status: 'active',
      context: { who: 'Ada' },
      logged: ['plain', ['chat', 'Ada: hi'], { context: { who: 'Ada' }, event: { type: 'ALL' } }],
    },
  },
  {
    name: 'raised events come before whatever waits outside',
    uses: ['raise', 'internal queue', 'always'],
    make: () =>
      setup({ types }).createMachine({
        context: { trace: [] },
        initial: 'a',
        on: { '*': { actions: assign({ trace: ({ context, event }: any) => [...context.trace, event.type] }) } },
        states: {
          a: {
            entry: [raise({ type: 'FIRST' }), raise(({ context }: any) => ({ type: `N${context.trace.length}` }))],
            on: { GO: { target: 'b', actions: raise({ type: 'GOING' }) } },
          },
          b: {
            entry: raise({ type: 'ENTERED' }),
            always: { target: 'c', guard: ({ context }: any) => context.trace.includes('ENTERED') },
            on: { GO: 'a' },
          },
          c: { on: { GO: 'a' } },
        },
      } as never),
    script: [send('GO'), send('OTHER'), send('GO')],
    ends: {
      status: 'active',
      value: 'a',
      context: { trace: ['FIRST', 'N0', 'GOING', 'ENTERED', 'OTHER', 'FIRST', 'N5'] },
    },
  },
  {
    name: 'events to itself come after the step, raised ones within it',
    uses: ['sendTo self', 'raise'],
    make: () =>
      setup({ types }).createMachine({
        context: { trace: [] },
        on: {
          GO: {
            actions: [
              sendTo(({ self }: any) => self, { type: 'SENT' }),
              raise({ type: 'RAISED' }),
              sendTo('#_internal', { type: 'INTERNAL' }),
            ],
          },
          RAISED: {
            actions: [assign({ trace: ({ context }: any) => [...context.trace, 'raised'] }), raise({ type: 'AGAIN' })],
          },
          AGAIN: { actions: assign({ trace: ({ context }: any) => [...context.trace, 'again'] }) },
          SENT: { actions: assign({ trace: ({ context }: any) => [...context.trace, 'sent'] }) },
          INTERNAL: { actions: assign({ trace: ({ context }: any) => [...context.trace, 'internal'] }) },
        },
      } as never),
    script: [send('GO')],
    ends: { status: 'active', context: { trace: ['raised', 'again', 'sent', 'internal'] } },
  },
]
