/** Choices: by parameters, by combination, by state, and which candidate is asked first. */
import { and, assign, not, or, setup, stateIn } from 'xstate'
import { type Scenario, send, types } from './scenario.ts'

export const guarded: readonly Scenario[] = [
  {
    name: 'the first candidate whose guard holds is taken',
    uses: ['guards', 'guard params', 'dynamic params'],
    make: () =>
      setup({
        types,
        guards: {
          atLeast: ({ context }: any, params: { amount: number }) => context.balance >= params.amount,
          isEven: (_: any, params: { of: number }) => params.of % 2 === 0,
        },
      }).createMachine({
        context: ({ input }: any) => ({ balance: input }),
        initial: 'idle',
        states: {
          idle: {
            on: {
              PAY: [
                { guard: { type: 'atLeast', params: { amount: 100 } }, target: 'rich' },
                {
                  guard: { type: 'atLeast', params: ({ event }: any) => ({ amount: event.amount }) },
                  actions: assign({ balance: ({ context, event }: any) => context.balance - event.amount }),
                },
                { target: 'broke' },
              ],
              ODDS: {
                guard: { type: 'isEven', params: ({ context }: any) => ({ of: context.balance }) },
                target: 'even',
              },
            },
          },
          rich: { on: { SPEND: { target: 'idle', actions: assign({ balance: 9 }) } } },
          even: { on: { BACK: 'idle' } },
          broke: {},
        },
      } as never),
    input: 200,
    script: [
      send('PAY', { amount: 1 }),
      send('SPEND'),
      send('ODDS'),
      send('PAY', { amount: 5 }),
      send('ODDS'),
      send('BACK'),
      send('PAY', { amount: 5 }),
    ],
    ends: { status: 'active', value: 'broke', context: { balance: 4 } },
  },
  {
    name: 'guards combined with and, or and not',
    uses: ['and', 'or', 'not', 'stateIn'],
    make: () =>
      setup({
        types,
        guards: {
          armed: ({ context }: any) => context.armed,
          isKey: ({ event }: any) => event.key === 'K',
          ready: and(['armed', 'isKey']),
        },
      }).createMachine({
        context: { armed: false },
        type: 'parallel',
        states: {
          lock: {
            initial: 'shut',
            states: {
              shut: {
                on: {
                  TRY: [
                    { guard: 'ready', target: 'open' },
                    { guard: or([not('isKey'), ({ event }: any) => event.kick === true]), target: 'jammed' },
                  ],
                },
              },
              jammed: { on: { OIL: 'shut' } },
              open: { id: 'open', on: { TRY: 'shut' } },
            },
          },
          alarm: {
            initial: 'off',
            states: {
              off: { on: { ARM: { target: 'on', actions: assign({ armed: true }) } } },
              on: {
                on: {
                  RING: { guard: and([stateIn('#open'), not(({ event }: any) => event.quiet)]), target: 'ringing' },
                },
              },
              ringing: {},
            },
          },
        },
      } as never),
    script: [
      send('TRY', { key: 'K' }),
      send('TRY', { key: 'X' }),
      send('OIL'),
      send('ARM'),
      send('RING'),
      send('TRY', { key: 'K' }),
      send('RING', { quiet: true }),
      send('RING'),
    ],
    more: [{ type: 'TRY', key: 'K', kick: true }],
    ends: { status: 'active', value: { lock: 'open', alarm: 'ringing' }, context: { armed: true } },
  },
  {
    name: 'a child that declines leaves the event to its parent',
    uses: ['guards', 'hierarchy'],
    make: () =>
      setup({ types, guards: { high: ({ context }: any) => context.n > 2 } }).createMachine({
        context: { n: 0 },
        initial: 'outer',
        on: { UP: { actions: assign({ n: ({ context }: any) => context.n + 100 }) } },
        states: {
          outer: {
            initial: 'inner',
            on: {
              UP: {
                guard: ({ context }: any) => context.n < 2,
                actions: assign({ n: ({ context }: any) => context.n + 1 }),
              },
            },
            states: { inner: { on: { UP: { guard: 'high', target: 'top' } } }, top: {} },
          },
        },
      } as never),
    script: [send('UP'), send('UP'), send('UP'), send('UP')],
    ends: { status: 'active', value: { outer: 'top' }, context: { n: 102 } },
  },
  {
    name: 'a guard that throws on one kind of event',
    uses: ['throwing guards'],
    make: () =>
      setup({
        types,
        guards: {
          valid: ({ event }: any) => {
            if (event.value === undefined) throw new Error('no value')
            return event.value > 0
          },
        },
      }).createMachine({
        initial: 'a',
        states: {
          a: { on: { GO: { guard: 'valid', target: 'b' } } },
          b: { on: { GO: { guard: 'valid', target: 'a' } } },
        },
      }),
    script: [send('GO', { value: 1 }), send('GO', { value: 0 })],
    more: [{ type: 'GO' }],
    ends: { status: 'active', value: 'b' },
  },
]
