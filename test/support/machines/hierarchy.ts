/** States within states: who is entered, left and asked in which order. */
import { assign, setup } from 'xstate'
import { type Note, type Scenario, send, types } from './scenario.ts'

const tracing = (note: Note) => setup({ types, actions: { note: (_, params: { at: string }) => note(params.at) } })
const at = (where: string) => ({ type: 'note', params: { at: where } }) as const

export const hierarchy: readonly Scenario[] = [
  {
    name: 'traffic light with a pedestrian phase',
    uses: ['hierarchy', 'relative targets'],
    make: () =>
      setup({
        types,
        actions: { count: assign({ changes: ({ context }: any) => context.changes + 1 }) },
      }).createMachine({
        id: 'light',
        initial: 'green',
        context: { changes: 0 },
        states: {
          green: { on: { TIMER: { target: 'yellow', actions: 'count' } } },
          yellow: { on: { TIMER: 'red' } },
          red: {
            initial: 'walk',
            states: { walk: { on: { COUNTDOWN: 'wait' } }, wait: { on: { COUNTDOWN: 'stop' } }, stop: {} },
            on: { TIMER: 'green' },
          },
        },
      }),
    script: [
      send('TIMER'),
      send('TIMER'),
      send('COUNTDOWN'),
      send('TIMER'),
      send('TIMER'),
      send('TIMER'),
      send('COUNTDOWN'),
    ],
    ends: { status: 'active', value: { red: 'wait' }, context: { changes: 2 } },
  },
  {
    name: 'four levels, entered and left in order',
    uses: ['hierarchy', 'target by id', 'entry and exit order', 'custom actions'],
    make: (note) =>
      tracing(note).createMachine({
        id: 'deep',
        initial: 'a',
        entry: at('+root'),
        states: {
          a: {
            entry: at('+a'),
            exit: at('-a'),
            initial: 'b',
            states: {
              b: {
                entry: at('+b'),
                exit: at('-b'),
                initial: 'c',
                states: {
                  c: { id: 'c', entry: at('+c'), exit: at('-c'), on: { NEXT: { target: 'd', actions: at('c>d') } } },
                  d: { entry: at('+d'), exit: at('-d'), on: { OUT: { target: '#z', actions: at('d>z') } } },
                },
              },
            },
          },
          z: { id: 'z', entry: at('+z'), exit: at('-z'), on: { BACK: { target: '#c', actions: at('z>c') } } },
        },
      }),
    script: [send('NEXT'), send('OUT'), send('BACK')],
    ends: {
      status: 'active',
      value: { a: { b: 'c' } },
      notes: [
        ['+root'],
        ['+a'],
        ['+b'],
        ['+c'],
        ['-c'],
        ['c>d'],
        ['+d'],
        ['-d'],
        ['-b'],
        ['-a'],
        ['d>z'],
        ['+z'],
        ['-z'],
        ['z>c'],
        ['+a'],
        ['+b'],
        ['+c'],
      ],
    },
  },
  {
    name: 'internal transitions do not leave their state, reentering ones do',
    uses: ['internal transitions', 'reenter', 'child targets'],
    make: (note) =>
      tracing(note).createMachine({
        initial: 'box',
        states: {
          box: {
            entry: at('+box'),
            exit: at('-box'),
            initial: 'one',
            states: { one: { entry: at('+one') }, two: { entry: at('+two') } },
            on: {
              INSIDE: '.two',
              AGAIN: { target: 'box' },
              REENTER: { target: 'box', reenter: true },
              INTO: { target: '.two', reenter: true },
              NOTHING: { actions: at('nothing') },
            },
          },
        },
      }),
    script: [send('INSIDE'), send('NOTHING'), send('AGAIN'), send('INSIDE'), send('REENTER'), send('INTO')],
    ends: {
      status: 'active',
      value: { box: 'two' },
      notes: [
        ['+box'],
        ['+one'],
        ['+two'],
        ['nothing'],
        ['+one'],
        ['+two'],
        ['-box'],
        ['+box'],
        ['+one'],
        ['-box'],
        ['+box'],
        ['+two'],
      ],
    },
  },
  {
    name: 'an initial transition has actions of its own',
    uses: ['initial actions', 'assign order'],
    make: () =>
      setup({ types }).createMachine({
        context: { trace: [] as string[] },
        entry: assign({ trace: ({ context }) => [...context['trace'], 'root'] }),
        initial: { target: 'inner', actions: assign({ trace: ({ context }) => [...context['trace'], 'initial'] }) },
        states: {
          inner: { entry: assign({ trace: ({ context }) => [...context['trace'], 'inner'] }), on: { GO: 'other' } },
          other: { on: { BACK: 'inner' } },
        },
      } as never),
    script: [send('GO'), send('BACK')],
    ends: { status: 'active', value: 'inner', context: { trace: ['root', 'initial', 'inner', 'inner'] } },
  },
  {
    name: 'a compound state is done when its final child is reached',
    uses: ['final', 'onDone', 'state output'],
    make: () =>
      setup({ types }).createMachine({
        context: { got: null },
        initial: 'form',
        states: {
          form: {
            initial: 'name',
            states: {
              name: { on: { NEXT: 'mail' } },
              mail: { on: { NEXT: { target: 'ready', actions: assign({ got: null }) } } },
              ready: { type: 'final', output: ({ event }: any) => ({ by: event.type }) },
            },
            onDone: { target: 'sent', actions: assign({ got: ({ event }: any) => event.output }) },
          },
          sent: { on: { EDIT: 'form' } },
        },
      } as never),
    script: [send('NEXT'), send('NEXT')],
    ends: { status: 'active', value: 'sent', context: { got: { by: 'NEXT' } } },
  },
  {
    name: 'a machine ends with an output made of its context and its last state',
    uses: ['final', 'output', 'exit on end'],
    make: (note) =>
      setup({ types, actions: { note: (_, params: { at: string }) => note(params.at) } }).createMachine({
        context: ({ input }: any) => ({ total: input.start }),
        exit: at('-root'),
        initial: 'open',
        states: {
          open: {
            exit: at('-open'),
            on: {
              ADD: { actions: assign({ total: ({ context, event }: any) => context.total + event.by }) },
              CLOSE: 'closed',
            },
          },
          closed: { entry: at('+closed'), type: 'final', output: ({ context }: any) => context.total * 2 },
        },
        output: ({ context, event }: any) => ({ total: context.total, twice: event.output }),
      } as never),
    input: { start: 1 },
    script: [send('ADD', { by: 2 }), send('ADD', { by: 3 }), send('CLOSE'), send('ADD', { by: 100 })],
    ends: {
      status: 'done',
      value: 'closed',
      context: { total: 6 },
      output: { total: 6, twice: 12 },
      notes: [['-open'], ['+closed'], ['-root']],
    },
  },
  {
    name: 'transient states are passed through',
    uses: ['always', 'guards'],
    make: () =>
      setup({ types }).createMachine({
        context: { age: 0, hops: 0 },
        initial: 'asked',
        states: {
          asked: { on: { AGE: { target: 'judged', actions: assign({ age: ({ event }: any) => event.age }) } } },
          judged: {
            entry: assign({ hops: ({ context }) => context['hops'] + 1 }),
            always: [
              { guard: ({ context }: any) => context.age < 0, target: 'asked' },
              { guard: ({ context }: any) => context.age < 18, target: 'minor' },
              { target: 'adult' },
            ],
          },
          minor: { on: { AGAIN: 'asked' } },
          adult: {
            entry: assign({ hops: ({ context }) => context['hops'] + 10 }),
            always: { guard: ({ context }: any) => context.age > 99, target: 'old' },
          },
          old: { on: { AGAIN: 'asked' } },
        },
      } as never),
    script: [send('AGE', { age: -1 }), send('AGE', { age: 7 }), send('AGAIN'), send('AGE', { age: 100 })],
    more: [{ type: 'AGE', age: 40 }],
    ends: { status: 'active', value: 'old', context: { age: 100, hops: 13 } },
  },
]
