/** Time: `after` in all its forms, delayed events, and what forgets them. */
import { type AnyEventObject, assign, cancel, raise, sendTo, setup } from 'xstate'
import { type Scenario, send, types, wait } from './scenario.ts'

const tick = (n: number): AnyEventObject => ({ type: 'TICK', n })

export const delays: readonly Scenario[] = [
  {
    name: 'a state is left when its time is up',
    uses: ['after'],
    make: () =>
      setup({ types }).createMachine({
        initial: 'green',
        states: {
          green: { after: { 1000: 'yellow' } },
          yellow: { after: { 200: 'red' }, on: { HOLD: 'held' } },
          red: { after: { 500: 'green' } },
          held: {},
        },
      }),
    script: [wait(999), wait(1), wait(200), wait(500), wait(1000), send('HOLD'), wait(10_000)],
    ends: { status: 'active', value: 'held' },
  },
  {
    name: 'delays by name, by number and by what the context says',
    uses: ['named delays', 'dynamic delays'],
    make: () =>
      setup({
        types,
        delays: { short: 50, patience: ({ context, event }: any) => context.base * (event.factor ?? 2) },
      }).createMachine({
        context: { base: 100, trace: [] },
        initial: 'a',
        states: {
          a: {
            after: {
              short: { target: 'b', actions: assign({ trace: ({ context }: any) => [...context.trace, 'short'] }) },
            },
          },
          b: { on: { GO: 'c' } },
          c: {
            after: {
              patience: {
                target: 'b',
                actions: assign({ trace: ({ context }: any) => [...context.trace, 'patience'] }),
              },
            },
          },
        },
      } as never),
    script: [wait(50), send('GO', { factor: 3 }), wait(299), wait(1), send('GO'), wait(200)],
    ends: { status: 'active', value: 'b', context: { base: 100, trace: ['short', 'patience', 'patience'] } },
  },
  {
    name: 'several delays in one state, with guards and candidates',
    uses: ['after', 'guards', 'hierarchy'],
    make: () =>
      setup({ types }).createMachine({
        context: { tries: 0 },
        initial: 'load',
        states: {
          load: {
            initial: 'asking',
            states: { asking: { after: { 100: { target: 'slow' } } }, slow: {} },
            after: {
              300: [
                {
                  guard: ({ context }: any) => context.tries < 1,
                  target: 'load',
                  reenter: true,
                  actions: assign({ tries: ({ context }: any) => context.tries + 1 }),
                },
                { target: 'failed' },
              ],
              250: { actions: assign({ tries: ({ context }: any) => context.tries }) },
            },
          },
          failed: {},
        },
      } as never),
    script: [wait(100), wait(200), wait(99), wait(1), wait(150), wait(50)],
    ends: { status: 'active', value: 'failed', context: { tries: 1 } },
  },
  {
    name: 'a delayed event is forgotten when it is cancelled, and otherwise outlives its state',
    uses: ['delayed raise', 'cancel'],
    make: () =>
      setup({ types }).createMachine({
        context: { rang: 0 },
        initial: 'idle',
        on: { RING: { actions: assign({ rang: ({ context }: any) => context.rang + 1 }) } },
        states: {
          idle: { on: { SET: { target: 'set', actions: raise({ type: 'RING' }, { id: 'alarm', delay: 100 }) } } },
          set: { on: { LEAVE: 'idle', STOP: { target: 'idle', actions: cancel('alarm') } } },
        },
      } as never),
    script: [send('SET'), send('STOP'), wait(200), send('SET'), send('LEAVE'), wait(100), send('SET'), wait(100)],
    ends: { status: 'active', value: 'set', context: { rang: 2 } },
  },
  {
    name: 'delayed events to itself, with ids and delays that are computed',
    uses: ['delayed sendTo', 'dynamic delays', 'cancel by function'],
    make: () =>
      setup({ types }).createMachine({
        context: { got: [] },
        on: {
          LATER: {
            actions: sendTo(
              ({ self }: any) => self,
              ({ event }: any) => ({ type: 'NOTE', text: event.text }),
              { delay: ({ event }: any) => event.ms, id: 'later' },
            ),
          },
          NEVER: { actions: cancel(({ event }: any) => event.id) },
          NOTE: { actions: assign({ got: ({ context, event }: any) => [...context.got, event.text] }) },
        },
      } as never),
    script: [
      send('LATER', { text: 'a', ms: 50 }),
      wait(50),
      send('LATER', { text: 'b', ms: 50 }),
      send('NEVER', { id: 'later' }),
      wait(60),
      send('LATER', { text: 'c', ms: 10 }),
      send('NEVER', { id: 'other' }),
      wait(10),
    ],
    ends: { status: 'active', context: { got: ['a', 'c'] } },
  },
  {
    name: 'entering again starts the time anew',
    uses: ['after', 'reenter'],
    make: () =>
      setup({ types }).createMachine({
        initial: 'typing',
        context: { saves: 0 },
        states: {
          typing: { on: { KEY: { target: 'typing', reenter: true } }, after: { 100: 'saved' } },
          saved: { entry: assign({ saves: ({ context }: any) => context.saves + 1 }), on: { KEY: 'typing' } },
        },
      } as never),
    script: [wait(90), send('KEY'), wait(90), send('KEY'), wait(90), wait(10), send('KEY'), wait(99)],
    ends: { status: 'active', value: 'typing', context: { saves: 1 } },
  },
  {
    name: 'delayed events without a name do not replace each other',
    uses: ['delayed raise', 'unnamed delays', 'named delays'],
    make: () =>
      setup({ types, delays: { soon: 30 } }).createMachine({
        context: { order: [] },
        entry: [
          raise(tick(1), { delay: 20 }),
          raise(tick(2), { delay: 10 }),
          raise(tick(3), { delay: 'soon' } as never),
        ],
        on: {
          TICK: { actions: assign({ order: ({ context, event }: any) => [...context.order, event.n] }) },
          AGAIN: { actions: raise(tick(4), { delay: 5 }) },
        },
      } as never),
    script: [wait(10), send('AGAIN'), send('AGAIN'), wait(5), wait(5), wait(10)],
    ends: { status: 'active', context: { order: [2, 4, 4, 1, 3] } },
  },
  {
    name: 'no time at all, and a delay that is not known',
    uses: ['after', 'delay of zero'],
    make: () =>
      setup({ types, delays: { zero: () => 0 } }).createMachine({
        initial: 'a',
        context: { n: 0 },
        states: {
          a: { after: { 0: 'b' } },
          b: { entry: raise({ type: 'NOW' }, { delay: 'zero' } as never), on: { NOW: 'c' } },
          c: { entry: assign({ n: ({ context }: any) => context.n + 1 }), on: { AGAIN: 'a' } },
        },
      } as never),
    script: [wait(0), wait(0), wait(1), send('AGAIN'), wait(0), wait(1)],
    ends: { status: 'active', value: 'c', context: { n: 2 } },
  },
]
