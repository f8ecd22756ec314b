/** States and how they are entered and left, each run three ways. */
import { assign, createMachine, setup } from 'xstate'
import { mark, type Trailed, trailing } from '#test/support/machines/trailing.ts'
import { runs } from '#test/support/three-ways.ts'

runs('a counter counts what it is told and ignores the rest', {
  machine: setup({ types: { context: {} as { n: number }, events: {} as { type: 'ADD'; by: number } } }).createMachine({
    context: { n: 0 },
    on: { ADD: { actions: assign({ n: ({ context, event }) => context.n + event.by }) } },
  }),
  steps: [{ type: 'ADD', by: 2 }, { type: 'NONE' }, { type: 'ADD', by: 3 }],
  ends: { context: { n: 5 } },
})

runs('entry, exit and transition actions run in the order of the states', {
  machine: trailing.createMachine({
    context: { trail: [] },
    initial: 'a',
    entry: mark('root in'),
    states: {
      a: {
        entry: mark('a in'),
        exit: mark('a out'),
        initial: 'one',
        states: {
          one: {
            entry: mark('one in'),
            exit: mark('one out'),
            on: { NEXT: { target: 'two', actions: mark('one to two') } },
          },
          two: { entry: mark('two in'), exit: mark('two out') },
        },
        on: { GO: { target: 'b', actions: mark('a to b') } },
      },
      b: {
        entry: mark('b in'),
        exit: mark('b out'),
        initial: 'deep',
        states: {
          deep: { initial: 'deeper', entry: mark('deep in'), states: { deeper: { entry: mark('deeper in') } } },
        },
        on: { BACK: '#there' },
      },
      c: { id: 'there', entry: mark('c in'), type: 'final' },
    },
  }),
  steps: [{ type: 'NEXT' }, { type: 'GO' }, { type: 'NEXT' }, { type: 'BACK' }],
  ends: { value: 'c', status: 'done' },
})

runs('a transition to itself re-enters only when it says so', {
  machine: trailing.createMachine({
    context: { trail: [] },
    initial: 'a',
    states: {
      a: {
        entry: mark('in'),
        exit: mark('out'),
        on: { SAME: { target: 'a' }, AGAIN: { target: 'a', reenter: true }, INNER: { actions: mark('inner') } },
        initial: 'x',
        states: { x: { entry: mark('x in'), on: { Y: 'y' } }, y: { entry: mark('y in'), exit: mark('y out') } },
      },
    },
  }),
  steps: [{ type: 'Y' }, { type: 'INNER' }, { type: 'SAME' }, { type: 'Y' }, { type: 'AGAIN' }],
  ends: { value: { a: 'x' } },
})

runs('an inner transition to a child state leaves the parent entered', {
  machine: trailing.createMachine({
    context: { trail: [] },
    initial: 'a',
    states: {
      a: {
        entry: mark('in'),
        exit: mark('out'),
        initial: 'x',
        states: { x: { entry: mark('x') }, y: { entry: mark('y') } },
        on: { INSIDE: '.y', OUTSIDE: { target: '.y', reenter: true } },
      },
    },
  }),
  steps: [{ type: 'INSIDE' }, { type: 'OUTSIDE' }],
  ends: { value: { a: 'y' } },
})

runs('regions of a parallel state hear every event and finish together', {
  machine: trailing.createMachine({
    context: { trail: [] },
    type: 'parallel',
    states: {
      left: {
        initial: 'off',
        states: {
          off: { on: { BOTH: 'on', LEFT: 'on' } },
          on: { entry: mark('left on'), on: { END: 'end' } },
          end: { type: 'final' },
        },
        onDone: { actions: mark('left done') },
      },
      right: {
        initial: 'off',
        states: {
          off: { on: { BOTH: { target: 'on', actions: mark('right goes') } } },
          on: { entry: mark('right on'), on: { END: 'end' } },
          end: { type: 'final' },
        },
        onDone: { actions: mark('right done') },
      },
    },
    output: ({ context }: { context: Trailed }) => context.trail.length,
  }),
  steps: [{ type: 'LEFT' }, { type: 'BOTH' }, { type: 'END' }],
  ends: { status: 'done', output: 3 },
})

runs('a parallel state inside another one, left from a region', {
  machine: trailing.createMachine({
    context: { trail: [] },
    initial: 'work',
    states: {
      work: {
        type: 'parallel',
        on: { RESET: { target: 'work', reenter: true } },
        states: {
          a: {
            initial: 'a1',
            exit: mark('a out'),
            states: { a1: { on: { A: 'a2' } }, a2: { on: { LEAVE: '#rest' } } },
          },
          b: {
            type: 'parallel',
            exit: mark('b out'),
            states: {
              p: { initial: 'p1', states: { p1: { on: { A: 'p2' } }, p2: { exit: mark('p2 out') } } },
              q: { initial: 'q1', states: { q1: { on: { Q: 'q2' } }, q2: {} } },
            },
          },
        },
      },
      rest: { id: 'rest', on: { AGAIN: 'work' } },
    },
  }),
  steps: [{ type: 'A' }, { type: 'Q' }, { type: 'LEAVE' }, { type: 'AGAIN' }, { type: 'Q' }, { type: 'RESET' }],
  ends: { value: { work: { a: 'a1', b: { p: 'p1', q: 'q1' } } } },
})

runs('shallow history remembers one level, deep history all of them', {
  machine: createMachine({
    initial: 'on',
    states: {
      on: {
        initial: 'a',
        states: {
          a: { initial: 'a1', states: { a1: { on: { NEXT: 'a2' } }, a2: { on: { NEXT: '#b' } } } },
          b: { id: 'b', initial: 'b1', states: { b1: { on: { NEXT: 'b2' } }, b2: {} } },
          shallow: { type: 'history' },
          deep: { type: 'history', history: 'deep' },
          first: { type: 'history', target: 'b' },
        },
        on: { OFF: 'off' },
      },
      off: { on: { SHALLOW: 'on.shallow', DEEP: 'on.deep', FIRST: 'on.first' } },
    },
  }),
  steps: [
    { type: 'NEXT' },
    { type: 'OFF' },
    { type: 'SHALLOW' },
    { type: 'NEXT' },
    { type: 'NEXT' },
    { type: 'NEXT' },
    { type: 'OFF' },
    { type: 'DEEP' },
    { type: 'OFF' },
    { type: 'SHALLOW' },
  ],
  ends: { value: { on: { b: 'b1' } } },
})

runs('deep history of a parallel state brings back every region', {
  machine: createMachine({
    initial: 'off',
    states: {
      off: { on: { ON: 'on.hist' } },
      on: {
        type: 'parallel',
        on: { OFF: 'off' },
        states: {
          x: {
            initial: 'x1',
            states: {
              x1: { on: { X: 'x2' } },
              x2: { initial: 'deep', states: { deep: { on: { X: 'deeper' } }, deeper: {} } },
            },
          },
          y: { initial: 'y1', states: { y1: { on: { Y: 'y2' } }, y2: {} } },
          hist: { type: 'history', history: 'deep' },
        },
      },
    },
  }),
  steps: [{ type: 'ON' }, { type: 'X' }, { type: 'X' }, { type: 'Y' }, { type: 'OFF' }, { type: 'ON' }],
  ends: { value: { on: { x: { x2: 'deeper' }, y: 'y2' } } },
})

runs('a history that nothing was remembered for goes to its default', {
  machine: createMachine({
    initial: 'idle',
    states: {
      idle: { on: { GO: 'box.h', PLAIN: 'box.plain' } },
      box: {
        initial: 'one',
        states: { one: {}, two: {}, h: { type: 'history', target: 'two' }, plain: { type: 'history' } },
        on: { OUT: 'idle' },
      },
    },
  }),
  steps: [{ type: 'GO' }, { type: 'OUT' }, { type: 'PLAIN' }],
  ends: { value: { box: 'two' } },
})
