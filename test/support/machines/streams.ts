/** Work that goes on: callbacks and observables, which a state begins and leaves. */
import { assign, forwardTo, fromCallback, fromEventObservable, fromObservable, sendTo, setup } from 'xstate'
import { type Scenario, send, types, wait } from './scenario.ts'

/** The least that XState asks of an observable: everything at once, then the end. */
function all(...values: readonly unknown[]) {
  return {
    subscribe(observer: any) {
      for (const value of values) observer.next(value)
      observer.complete?.()
      return { unsubscribe() {} }
    },
  }
}

const silent = (): any => ({ subscribe: () => ({ unsubscribe() {} }) })

export const streams: readonly Scenario[] = [
  {
    name: 'a callback that answers what it receives',
    uses: ['invoke callback', 'sendBack', 'receive', 'forwardTo'],
    make: () =>
      setup({
        types,
        actors: {
          echo: fromCallback(({ sendBack, receive, input }: any) =>
            receive((event: any) => sendBack({ type: 'ECHO', text: `${input.prefix}${event.text}` })),
          ),
        },
      }).createMachine({
        context: { heard: [] },
        initial: 'off',
        states: {
          off: { on: { ON: 'on' } },
          on: {
            invoke: { id: 'echo', src: 'echo', input: { prefix: '>' } },
            on: {
              SAY: { actions: sendTo('echo', ({ event }: any) => ({ type: 'SAY', text: event.text })) },
              PASS: { actions: forwardTo('echo') },
              OFF: 'off',
            },
          },
        },
        on: { ECHO: { actions: assign({ heard: ({ context, event }: any) => [...context.heard, event.text] }) } },
      } as never),
    script: [
      send('ON'),
      send('SAY', { text: 'a' }),
      send('PASS', { text: 'b' }),
      send('OFF'),
      send('SAY', { text: 'c' }),
      send('ON'),
      send('SAY', { text: 'd' }),
      send('OFF'),
    ],
    ends: { status: 'active', value: 'off', context: { heard: ['>a', '>b', '>d'] } },
  },
  {
    name: 'a callback that is sent to in the very step that begins it',
    uses: ['invoke callback', 'sendTo before spawn', 'after'],
    make: () =>
      setup({
        types,
        actors: {
          echo: fromCallback(({ sendBack, receive }: any) =>
            receive((event: any) => sendBack({ type: 'ECHO', text: event.text })),
          ),
          kid: setup({ types }).createMachine({
            context: { got: [] },
            on: { HI: { actions: assign({ got: ({ context, event }: any) => [...context.got, event.n] }) } },
          } as never),
        },
      }).createMachine({
        context: { heard: [] },
        initial: 'off',
        on: { ECHO: { actions: assign({ heard: ({ context, event }: any) => [...context.heard, event.text] }) } },
        states: {
          off: { on: { ON: 'through' } },
          // What is passed through leaves no trace in how the ones that stay are numbered.
          through: {
            invoke: [
              { id: 'kid', src: 'kid' },
              { id: 'echo', src: 'echo' },
            ],
            after: { 5: 'off' },
            always: 'on',
          },
          on: {
            entry: [sendTo('echo', { type: 'SAY', text: 'early' }), sendTo('kid', { type: 'HI', n: 1 })],
            after: { 1000: 'off' },
            invoke: [
              { id: 'echo', src: 'echo' },
              { id: 'kid', src: 'kid' },
            ],
            on: { SAY: { actions: forwardTo('echo') }, HI: { actions: forwardTo('kid') } },
          },
        },
      } as never),
    script: [send('ON'), send('SAY', { text: 'late' }), send('HI', { n: 2 })],
    ends: {
      status: 'active',
      value: 'on',
      context: { heard: ['early', 'late'] },
      children: { kid: { status: 'active', context: { got: [1, 2] } } },
    },
  },
  {
    name: 'an observable whose values are seen one by one',
    uses: ['invoke observable', 'onSnapshot', 'onDone'],
    make: () =>
      setup({ types, actors: { numbers: fromObservable(() => all(1, 2, 3) as never) } }).createMachine({
        context: { seen: [] },
        initial: 'watching',
        states: {
          watching: {
            invoke: {
              id: 'numbers',
              src: 'numbers',
              onSnapshot: {
                actions: assign({
                  seen: ({ context, event }: any) =>
                    event.snapshot.context === undefined ? context.seen : [...context.seen, event.snapshot.context],
                }),
              },
              onDone: 'over',
            },
          },
          over: {},
        },
      } as never),
    script: [wait(0)],
    ends: { status: 'active', value: 'over', context: { seen: [1, 2, 3] } },
  },
  {
    name: 'an observable of events',
    uses: ['invoke event observable'],
    make: () =>
      setup({
        types,
        actors: {
          keys: fromEventObservable(() => all({ type: 'KEY', key: 'a' }, { type: 'KEY', key: 'b' }) as never),
          silence: fromEventObservable(silent),
        },
      }).createMachine({
        context: { keys: '' },
        initial: 'typing',
        on: { KEY: { actions: assign({ keys: ({ context, event }: any) => context.keys + event.key }) } },
        states: {
          typing: {
            invoke: [
              { id: 'keys', src: 'keys', onDone: 'over' },
              { id: 'silence', src: 'silence' },
            ],
          },
          over: {},
        },
      } as never),
    script: [wait(0), send('KEY', { key: 'c' })],
    ends: { status: 'active', value: 'over', context: { keys: 'abc' } },
  },
]
