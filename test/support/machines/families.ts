/** Families of actors: names that all of them know, references that are kept, generations. */
import { assign, fromCallback, fromTransition, sendParent, sendTo, setup, spawnChild } from 'xstate'
import { type Scenario, send, types } from './scenario.ts'

const counter = () =>
  setup({ types }).createMachine({
    context: ({ input }: any) => ({ n: input ?? 0 }),
    on: {
      INC: { actions: assign({ n: ({ context }: any) => context.n + 1 }) },
      REPORT: { actions: sendParent(({ context }: any) => ({ type: 'COUNT', n: context.n })) },
    },
  } as never)

const total = { COUNT: { actions: assign({ counts: ({ context, event }: any) => [...context.counts, event.n] }) } }

export const families: readonly Scenario[] = [
  {
    name: 'members of a family find each other by system id',
    uses: ['systemId', 'system.get', 'invoke machine'],
    unofficial: 'the official transition() makes a new system for every event',
    make: () => {
      const log = fromTransition(
        (state: { lines: string[] }, event: any) => ({ lines: [...state.lines, event.text] }),
        { lines: [] },
      )
      const worker = setup({ types }).createMachine({
        initial: 'on',
        states: {
          on: {
            on: {
              WORK: {
                actions: sendTo(({ system }: any) => system.get('log'), { type: 'LINE', text: 'worked' } as never),
              },
            },
          },
        },
      } as never)
      return setup({ types, actors: { log, worker } }).createMachine({
        initial: 'on',
        entry: spawnChild('log', { id: 'theLog', systemId: 'log' }),
        states: {
          on: {
            invoke: { id: 'worker', src: 'worker', systemId: 'worker' },
            on: {
              WORK: { actions: sendTo(({ system }: any) => system.get('worker'), { type: 'WORK' }) },
              AGAIN: { target: 'on', reenter: true },
              SAY: {
                actions: sendTo(
                  ({ system }: any) => system.get('log'),
                  ({ event }: any) => ({ type: 'LINE', text: event.text }),
                ),
              },
            },
          },
        },
      } as never)
    },
    script: [send('SAY', { text: 'hello' }), send('WORK'), send('AGAIN'), send('WORK')],
    ends: {
      status: 'active',
      value: 'on',
      children: {
        theLog: { status: 'active', context: { lines: ['hello', 'worked', 'worked'] } },
        worker: { status: 'active', value: 'on' },
      },
    },
  },
  {
    name: 'a reference to a child of this very step is kept',
    uses: ['systemId', 'system.get', 'references in a context', 'spawnChild callback'],
    make: () =>
      setup({
        types,
        actors: {
          counter: counter(),
          echo: fromCallback(({ sendBack, receive }: any) =>
            receive((event: any) => sendBack({ type: 'COUNT', n: event.n * 100 })),
          ),
        },
      }).createMachine({
        context: { counts: [], refs: [] },
        entry: [
          spawnChild('echo', { id: 'e', systemId: 'echo' }),
          spawnChild('counter', { id: 'c', systemId: 'counter', input: 3 }),
          assign({ refs: ({ system }: any) => [system.get('counter'), system.get('echo'), system.get('nobody')] }),
          sendTo(({ system }: any) => system.get('counter'), { type: 'INC' }),
        ],
        on: {
          ...total,
          ASK: { actions: sendTo(({ context }: any) => context.refs[0], { type: 'REPORT' }) },
          ECHO: {
            actions: sendTo(
              ({ context }: any) => context.refs[1],
              ({ event }: any) => ({ type: 'SAY', n: event.n }),
            ),
          },
        },
      } as never),
    script: [send('ASK'), send('ECHO', { n: 2 })],
    ends: {
      status: 'active',
      context: { counts: [4, 200], refs: ['ref:c', 'ref:e', undefined] },
      children: { c: { status: 'active', context: { n: 4 } } },
    },
  },
  {
    name: 'three generations',
    uses: ['invoke machine', 'sendParent', 'onDone', 'forwarding up and down'],
    make: () => {
      const grandchild = setup({ types }).createMachine({
        initial: 'a',
        states: { a: { on: { END: 'b', HI: { actions: sendParent({ type: 'HI_UP' }) } } }, b: { type: 'final' } },
        output: () => 'leaf',
      } as never)
      const child = setup({ types, actors: { grandchild } }).createMachine({
        context: { got: null },
        initial: 'run',
        states: {
          run: {
            invoke: {
              id: 'grand',
              src: 'grandchild',
              onDone: { target: 'over', actions: assign({ got: ({ event }: any) => event.output }) },
            },
            on: {
              DOWN: { actions: sendTo('grand', { type: 'HI' }) },
              HI_UP: { actions: sendParent({ type: 'HI_TOP' }) },
              END: { actions: sendTo('grand', { type: 'END' }) },
            },
          },
          over: { type: 'final' },
        },
        output: ({ context }: any) => `branch of ${context.got}`,
      } as never)
      return setup({ types, actors: { child } }).createMachine({
        context: { heard: 0, got: null },
        initial: 'run',
        states: {
          run: {
            invoke: {
              id: 'child',
              src: 'child',
              onDone: { target: 'over', actions: assign({ got: ({ event }: any) => event.output }) },
            },
            on: {
              DOWN: { actions: sendTo('child', { type: 'DOWN' }) },
              HI_TOP: { actions: assign({ heard: ({ context }: any) => context.heard + 1 }) },
              END: { actions: sendTo('child', { type: 'END' }) },
            },
          },
          over: { type: 'final' },
        },
        output: ({ context }: any) => context.got,
      } as never)
    },
    script: [send('DOWN'), send('DOWN'), send('END')],
    ends: {
      status: 'done',
      value: 'over',
      context: { heard: 2, got: 'branch of leaf' },
      output: 'branch of leaf',
      children: {},
    },
  },
]
