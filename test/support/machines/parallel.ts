/** Regions side by side: order, conflicts, joint ends. */
import { assign, raise, setup, stateIn } from 'xstate'
import { type Scenario, send, types } from './scenario.ts'

const trace = (word: string) => assign({ trace: ({ context }: any) => [...context.trace, word] })

export const parallel: readonly Scenario[] = [
  {
    name: 'two switches that know nothing of each other',
    uses: ['parallel'],
    make: () =>
      setup({ types }).createMachine({
        type: 'parallel',
        states: {
          bold: { initial: 'off', states: { off: { on: { BOLD: 'on' } }, on: { on: { BOLD: 'off' } } } },
          italic: { initial: 'off', states: { off: { on: { ITALIC: 'on' } }, on: { on: { ITALIC: 'off' } } } },
        },
      }),
    script: [send('BOLD'), send('ITALIC'), send('BOLD')],
    ends: { status: 'active', value: { bold: 'off', italic: 'on' } },
  },
  {
    name: 'a parallel state is done when all its regions are',
    uses: ['parallel', 'final', 'onDone'],
    make: () =>
      setup({ types }).createMachine({
        initial: 'packing',
        context: { order: [] as string[] },
        states: {
          packing: {
            type: 'parallel',
            states: {
              box: {
                initial: 'open',
                states: {
                  open: {
                    on: {
                      BOX: {
                        target: 'shut',
                        actions: assign({ order: ({ context }: any) => [...context.order, 'box'] }),
                      },
                    },
                  },
                  shut: { type: 'final' },
                },
              },
              label: {
                initial: 'blank',
                states: {
                  blank: {
                    on: {
                      LABEL: {
                        target: 'printed',
                        actions: assign({ order: ({ context }: any) => [...context.order, 'label'] }),
                      },
                    },
                  },
                  printed: { type: 'final' },
                },
              },
            },
            onDone: 'shipped',
          },
          shipped: { type: 'final' },
        },
        output: ({ context }: any) => context.order,
      } as never),
    script: [send('LABEL'), send('BOX')],
    ends: { status: 'done', value: 'shipped', context: { order: ['label', 'box'] }, output: ['label', 'box'] },
  },
  {
    name: 'a machine whose root is parallel ends with its last region',
    uses: ['parallel', 'final', 'output'],
    make: () =>
      setup({ types }).createMachine({
        type: 'parallel',
        states: {
          left: { initial: 'a', states: { a: { on: { L: 'z' } }, z: { type: 'final' } } },
          right: { initial: 'a', states: { a: { on: { R: 'z' } }, z: { type: 'final' } } },
        },
        output: () => 'both',
      } as never),
    script: [send('L'), send('L'), send('R')],
    ends: { status: 'done', value: { left: 'z', right: 'z' }, output: 'both' },
  },
  {
    name: 'the regions are asked in the order in which they came to rest',
    uses: ['parallel', 'always', 'order of regions'],
    make: () => {
      const region = (name: string) => ({
        initial: 'idle',
        states: {
          idle: { on: { [`GO_${name}`]: 'busy', ALL: { target: 'busy', actions: trace(`${name}!`) } } },
          busy: {
            on: { [`GO_${name}`]: 'idle', ALL: { target: 'idle', actions: trace(`${name}?`) } },
            always: { guard: ({ event }: any) => event.type === 'FLUSH', target: 'idle', actions: trace(`${name}-`) },
          },
        },
      })
      return setup({ types }).createMachine({
        type: 'parallel',
        context: { trace: [] },
        states: { a: region('a'), b: region('b'), c: region('c') },
      } as never)
    },
    script: [
      send('GO_c'),
      send('GO_a'),
      send('GO_b'),
      send('FLUSH'),
      send('ALL'),
      send('GO_b'),
      send('GO_b'),
      send('FLUSH'),
    ],
    ends: {
      status: 'active',
      value: { a: 'idle', b: 'idle', c: 'idle' },
      context: { trace: ['c-', 'a-', 'b-', 'a!', 'b!', 'c!', 'a-', 'c-', 'b-'] },
    },
  },
  {
    name: 'one region raises what another waits for',
    uses: ['parallel', 'raise', 'stateIn'],
    make: () =>
      setup({ types }).createMachine({
        type: 'parallel',
        context: { trace: [] },
        states: {
          door: {
            initial: 'shut',
            states: {
              shut: { on: { OPEN: { target: 'open', actions: [trace('open'), raise({ type: 'OPENED' })] } } },
              open: { on: { SHUT: 'shut' } },
            },
          },
          lamp: {
            initial: 'off',
            states: {
              off: { on: { OPENED: { target: 'on', actions: trace('lamp') } } },
              on: { on: { DIM: { guard: stateIn({ door: 'shut' }), target: 'off', actions: trace('dim') } } },
            },
          },
        },
      } as never),
    script: [send('OPEN'), send('DIM'), send('SHUT'), send('DIM')],
    ends: { status: 'active', value: { door: 'shut', lamp: 'off' }, context: { trace: ['open', 'lamp', 'dim'] } },
  },
  {
    name: 'an event that several regions take, and a target within one of them',
    uses: ['parallel', 'conflicting transitions', 'several targets', 'reenter'],
    make: () =>
      setup({ types }).createMachine({
        initial: 'on',
        context: { trace: [] },
        states: {
          on: {
            type: 'parallel',
            entry: trace('+on'),
            exit: trace('-on'),
            states: {
              x: {
                initial: 'x1',
                states: {
                  x1: { on: { STEP: { target: 'x2', actions: trace('x') } } },
                  x2: { id: 'x2', on: { LEAVE: { target: '#off', actions: trace('x leaves') } } },
                },
              },
              y: {
                initial: 'y1',
                states: {
                  y1: { on: { STEP: { target: 'y2', actions: trace('y') }, LEAVE: { actions: trace('y stays') } } },
                  y2: { id: 'y2' },
                },
              },
            },
            on: { BOTH: { target: ['#x2', '#y2'], actions: trace('both') }, RESET: { target: 'on', reenter: true } },
          },
          off: { id: 'off', on: { BACK: 'on', DEEP: { target: ['#x2', '#y2'] } } },
        },
      } as never),
    script: [send('STEP'), send('RESET'), send('BOTH'), send('LEAVE'), send('DEEP')],
    ends: {
      status: 'active',
      value: { on: { x: 'x2', y: 'y2' } },
      context: { trace: ['+on', 'x', 'y', '-on', '+on', 'both', '-on', 'x leaves', '+on'] },
    },
  },
  {
    name: 'parallel within compound within parallel',
    uses: ['parallel', 'hierarchy', 'onDone'],
    make: () =>
      setup({ types }).createMachine({
        type: 'parallel',
        states: {
          outer: {
            initial: 'wait',
            states: {
              wait: { on: { START: 'run' } },
              run: {
                type: 'parallel',
                states: {
                  p: { initial: 'p1', states: { p1: { on: { P: 'p2' } }, p2: { type: 'final' } } },
                  q: { initial: 'q1', states: { q1: { on: { Q: 'q2' } }, q2: { type: 'final' } } },
                },
                onDone: 'over',
              },
              over: { on: { START: 'run' } },
            },
          },
          clock: { initial: 'tick', states: { tick: { on: { '*': 'tock' } }, tock: { on: { '*': 'tick' } } } },
        },
      }),
    script: [send('START'), send('Q'), send('P'), send('START'), send('P')],
    ends: { status: 'active', value: { outer: { run: { p: 'p2', q: 'q1' } }, clock: 'tock' } },
  },
]
