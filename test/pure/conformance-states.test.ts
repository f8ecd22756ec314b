import {
  and,
  assign,
  createMachine,
  emit,
  enqueueActions,
  fromTransition,
  not,
  or,
  raise,
  setup,
  stateIn,
} from 'xstate'
import { runs } from '#test/support/three-ways.ts'

type Trailed = { trail: string[] }

/** Writes a word into the context, so that order shows. */
const trailing = setup({
  types: { context: {} as Trailed },
  actions: {
    mark: assign({ trail: ({ context }, word: string) => [...context.trail, word] }),
  },
})
const mark = (word: string) => ({ type: 'mark', params: word }) as const

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

runs('guards: plain, with params, and, or, not, stateIn', {
  machine: setup({
    types: { context: {} as { n: number; hits: string[] }, events: {} as { type: 'GO' | 'UP' | 'OPEN' } },
    guards: {
      atLeast: ({ context }, least: number) => context.n >= least,
      even: ({ context }) => context.n % 2 === 0,
    },
    actions: { hit: assign({ hits: ({ context }, name: string) => [...context.hits, name] }) },
  }).createMachine({
    context: { n: 0, hits: [] },
    type: 'parallel',
    states: {
      door: { initial: 'shut', states: { shut: { on: { OPEN: 'open' } }, open: { id: 'open' } } },
      work: {
        on: {
          UP: { actions: assign({ n: ({ context }) => context.n + 1 }) },
          GO: [
            {
              guard: and([{ type: 'atLeast', params: 4 }, stateIn('#open')]),
              actions: { type: 'hit', params: 'big and open' },
            },
            {
              guard: and([{ type: 'atLeast', params: 3 }, not('even')]),
              actions: { type: 'hit', params: 'odd from three' },
            },
            {
              guard: or([stateIn({ door: 'open' }), ({ context }) => context.n === 2]),
              actions: { type: 'hit', params: 'open or two' },
            },
            {
              guard: not(and(['even', { type: 'atLeast', params: 1 }])),
              actions: { type: 'hit', params: 'odd or none' },
            },
            { actions: { type: 'hit', params: 'else' } },
          ],
        },
      },
    },
  }),
  steps: [
    { type: 'GO' },
    { type: 'UP' },
    { type: 'GO' },
    { type: 'UP' },
    { type: 'GO' },
    { type: 'UP' },
    { type: 'GO' },
    { type: 'OPEN' },
    { type: 'GO' },
    { type: 'UP' },
    { type: 'GO' },
  ],
  ends: {
    context: {
      n: 4,
      hits: ['odd or none', 'odd or none', 'open or two', 'odd from three', 'odd from three', 'big and open'],
    },
  },
})

runs('always goes on until nothing holds, with context changed on the way', {
  machine: setup({ types: { context: {} as { n: number; seen: string[] } } }).createMachine({
    context: { n: 0, seen: [] },
    initial: 'idle',
    states: {
      idle: { on: { SET: { target: 'judge', actions: assign({ n: ({ event }) => event['n'] as number }) } } },
      judge: {
        always: [
          { guard: ({ context }) => context.n > 10, target: 'big' },
          { guard: ({ context }) => context.n > 3, target: 'middle' },
          { target: 'small' },
        ],
      },
      big: {
        always: {
          target: 'middle',
          actions: assign({ n: ({ context }) => context.n - 10, seen: ({ context }) => [...context.seen, 'big'] }),
        },
      },
      middle: {
        entry: assign({ seen: ({ context }) => [...context.seen, 'middle'] }),
        always: { guard: ({ context }) => context.n < 2, target: 'small' },
        on: { SET: 'idle' },
      },
      small: {
        entry: assign({ seen: ({ context }) => [...context.seen, 'small'] }),
        on: { SET: { target: 'judge', actions: assign({ n: ({ event }) => event['n'] as number }) } },
      },
    },
  }),
  steps: [
    { type: 'SET', n: 1 },
    { type: 'SET', n: 11 },
    { type: 'SET', n: 15 },
  ],
  ends: { value: 'middle' },
})

runs('always at the start may lead straight to the end', {
  machine: createMachine({
    initial: 'a',
    states: { a: { always: 'b' }, b: { always: 'c' }, c: { type: 'final', output: 'through' } },
    output: ({ event }) => (event as { output?: unknown }).output,
  }),
  steps: [{ type: 'LATE' }],
  ends: { status: 'done', output: 'through' },
})

runs('raised events are taken before the next one from outside, in their order', {
  machine: trailing.createMachine({
    context: { trail: [] },
    initial: 'a',
    states: {
      a: {
        on: {
          GO: { actions: [raise({ type: 'ONE' }), mark('go'), raise({ type: 'TWO' })] },
          ONE: { actions: [mark('one'), raise({ type: 'THREE' })] },
          TWO: { actions: mark('two') },
          THREE: { target: 'b', actions: mark('three') },
        },
      },
      b: { entry: [raise({ type: 'IN' }), mark('b')], on: { IN: { actions: mark('in') } } },
    },
  }),
  steps: [{ type: 'GO' }],
  ends: { context: { trail: ['go', 'one', 'two', 'three', 'b', 'in'] } },
})

runs('final states end their parents, level by level, with outputs', {
  machine: setup({ types: { context: {} as { outputs: unknown[] } } }).createMachine({
    context: { outputs: [] },
    initial: 'one',
    states: {
      one: {
        initial: 'x',
        states: { x: { on: { NEXT: 'y' } }, y: { type: 'final', output: { from: 'y' } } },
        onDone: {
          target: 'two',
          actions: assign({ outputs: ({ context, event }) => [...context.outputs, event.output] }),
        },
      },
      two: {
        type: 'parallel',
        states: {
          p: { initial: 'w', states: { w: { on: { NEXT: 'f' } }, f: { type: 'final', output: 'p' } } },
          q: {
            initial: 'w',
            states: { w: { on: { NEXT: 'v' } }, v: { on: { NEXT: 'f' } }, f: { type: 'final', output: 'q' } },
          },
        },
        onDone: { target: 'end', actions: assign({ outputs: ({ context }) => [...context.outputs, 'both'] }) },
      },
      end: { type: 'final' },
    },
    output: ({ context }) => ({ all: context.outputs }),
  }),
  steps: [{ type: 'NEXT' }, { type: 'NEXT' }, { type: 'NEXT' }, { type: 'NEXT' }],
  ends: { status: 'done', output: { all: [{ from: 'y' }, 'both'] } },
})

runs('wildcards: exact before partial before any, the inner state before the outer', {
  machine: trailing.createMachine({
    context: { trail: [] },
    initial: 'a',
    on: { '*': { actions: mark('root any') }, 'order.*': { actions: mark('root order') } },
    states: {
      a: {
        on: {
          'order.paid': { actions: mark('paid') },
          'order.paid.*': { actions: mark('paid more') },
          'mouse.*': { target: 'b', actions: mark('mouse') },
        },
      },
      b: { on: { '*': { actions: mark('b any') }, 'order.*': undefined } },
    },
  }),
  steps: [
    { type: 'order.paid' },
    { type: 'order.paid.twice' },
    { type: 'order.sent' },
    { type: 'order' },
    { type: 'else' },
    { type: 'mouse.click.left' },
    { type: 'order.x' },
    { type: 'what' },
  ],
})

runs('a forbidden transition keeps the parent from hearing the event', {
  machine: trailing.createMachine({
    context: { trail: [] },
    initial: 'a',
    on: { E: { actions: mark('parent') }, F: { actions: mark('parent f') } },
    states: { a: { on: { E: {}, NEXT: 'b' } }, b: { on: { F: undefined } } },
  }),
  steps: [{ type: 'E' }, { type: 'F' }, { type: 'NEXT' }, { type: 'E' }, { type: 'F' }],
})

runs('tags and meta are those of the active states', {
  machine: createMachine({
    initial: 'idle',
    tags: ['root'],
    meta: { level: 0 },
    states: {
      idle: { tags: 'calm', meta: { hint: 'send GO' }, on: { GO: 'busy' } },
      busy: { tags: ['loud', 'hot'], initial: 'x', states: { x: { tags: 'deep', on: { GO: '#end' } } } },
      end: { id: 'end', tags: 'over' },
    },
  }),
  steps: [{ type: 'GO' }, { type: 'GO' }],
  ends: { tags: ['over', 'root'] },
})

runs('Map, Set, Date, BigInt and typed arrays stay what they are, also when changed in place', {
  machine: setup({
    types: {
      context: {} as {
        map: Map<string, number>
        set: Set<unknown>
        at: Date
        big: bigint
        bytes: Uint8Array
        nested: { list: number[][] }
        nothing: undefined
        nan: number
      },
    },
  }).createMachine({
    context: () => ({
      map: new Map([['a', 1]]),
      set: new Set<unknown>(['x']),
      at: new Date(0),
      big: 1n,
      bytes: new Uint8Array([1, 2]),
      nested: { list: [[1]] },
      nothing: undefined,
      nan: Number.NaN,
    }),
    on: {
      PUT: {
        actions: assign(({ context, event }) => {
          context.map.set(event['key'] as string, event['n'] as number)
          context.set.add(event['key'])
          context.nested.list[0]?.push(event['n'] as number)
          context.at.setTime(event['n'] as number)
          return {}
        }),
      },
      BIG: {
        actions: assign({
          big: ({ context }) => context.big * 10_000_000_000_000n,
          bytes: ({ context }) => new Uint8Array([...context.bytes, 3]),
          at: ({ context }) => new Date(context.at.getTime() + 1),
        }),
      },
    },
  }),
  steps: [{ type: 'PUT', key: 'b', n: 2 }, { type: 'BIG' }, { type: 'PUT', key: 'c', n: 3 }, { type: 'BIG' }],
  ends: {
    context: {
      map: new Map([
        ['a', 1],
        ['b', 2],
        ['c', 3],
      ]),
      set: new Set(['x', 'b', 'c']),
      at: new Date(4),
      big: 10n ** 26n,
      bytes: new Uint8Array([1, 2, 3, 3]),
      nested: { list: [[1, 2, 3]] },
      nothing: undefined,
      nan: Number.NaN,
    },
  },
})

runs('a value that stands twice in the context changes in both places', {
  machine: setup({ types: { context: {} as { a: { n: number }; b: { n: number } } } }).createMachine({
    context: () => {
      const shared = { n: 0 }
      return { a: shared, b: shared }
    },
    on: {
      UP: {
        actions: assign(({ context }) => {
          context.a.n++
          return {}
        }),
      },
    },
  }),
  steps: [{ type: 'UP' }, { type: 'UP' }],
  ends: { context: { a: { n: 2 }, b: { n: 2 } } },
})

runs('input becomes context and is there for the initial actions', {
  machine: setup({
    types: { context: {} as { name: string; said: string[] }, input: {} as { name: string } },
  }).createMachine({
    context: ({ input }) => ({ name: input.name, said: [] }),
    entry: assign({ said: ({ context, event }) => [...context.said, `${context.name} ${event.type}`] }),
    on: { SAY: { actions: assign({ said: ({ context, event }) => [...context.said, event['what'] as string] }) } },
  }),
  input: { name: 'ada' },
  steps: [{ type: 'SAY', what: 'hi' }],
  ends: { context: { name: 'ada', said: ['ada xstate.init', 'hi'] } },
})

runs('a machine that throws in an action is in error and stays there', {
  machine: setup({ types: { context: {} as { n: number } } }).createMachine({
    context: { n: 0 },
    initial: 'a',
    states: {
      a: {
        on: {
          UP: { actions: assign({ n: ({ context }) => context.n + 1 }) },
          BAD: {
            actions: assign(() => {
              throw new TypeError('no good')
            }),
          },
        },
      },
    },
  }),
  steps: [{ type: 'UP' }, { type: 'BAD' }, { type: 'UP' }],
  ends: { status: 'error', error: { error: 'TypeError', message: 'no good' } },
})

runs('a machine that is stopped takes nothing more', {
  machine: createMachine({ initial: 'a', states: { a: { on: { GO: 'b' } }, b: {} } }),
  steps: [{ type: 'GO' }, { stop: true }, { type: 'GO' }],
  ends: { status: 'stopped', value: 'b' },
})

runs('dynamic targets through guards on one event, in order of the document', {
  machine: setup({ types: { context: {} as { hops: number } } }).createMachine({
    context: { hops: 0 },
    initial: 'a',
    states: {
      a: {
        on: {
          HOP: [
            { guard: ({ context }) => context.hops > 2, target: 'end' },
            { target: 'b', actions: assign({ hops: ({ context }) => context.hops + 1 }) },
          ],
        },
      },
      b: { on: { HOP: { target: 'a', actions: assign({ hops: ({ context }) => context.hops + 1 }) } } },
      end: { type: 'final' },
    },
  }),
  steps: [{ type: 'HOP' }, { type: 'HOP' }, { type: 'HOP' }, { type: 'HOP' }, { type: 'HOP' }],
  ends: { status: 'done', context: { hops: 4 } },
})

runs('several targets at once enter several regions', {
  machine: createMachine({
    initial: 'idle',
    states: {
      idle: { on: { GO: { target: ['#x2', '#y2'] } } },
      both: {
        type: 'parallel',
        states: {
          x: { initial: 'x1', states: { x1: {}, x2: { id: 'x2' } } },
          y: { initial: 'y1', states: { y1: {}, y2: { id: 'y2' } } },
          z: { initial: 'z1', states: { z1: {} } },
        },
      },
    },
  }),
  steps: [{ type: 'GO' }],
  ends: { value: { both: { x: 'x2', y: 'y2', z: 'z1' } } },
})

runs('state names with dots, spaces and unicode', {
  machine: createMachine({
    initial: 'wait a bit',
    states: {
      'wait a bit': { on: { 'go on': 'größe' } },
      größe: { on: { '→': '#id with space' } },
      last: { id: 'id with space', type: 'final' },
    },
  }),
  steps: [{ type: 'go on' }, { type: '→' }],
  ends: { status: 'done' },
})

runs('transition logic as a root takes every event and may emit', {
  machine: fromTransition(
    (state: { n: number }, event: { type: string; by?: number }, { emit: tell }) => {
      if (event.type === 'TELL') {
        tell({ type: 'told', n: state.n })
        return state
      }
      return event.type === 'ADD' ? { n: state.n + (event.by ?? 1) } : state
    },
    ({ input }: { input: { from: number } }) => ({ n: input.from }),
  ),
  input: { from: 7 },
  steps: [{ type: 'ADD' }, { type: 'TELL' }, { type: 'NONE' }, { type: 'ADD', by: 5 }, { type: 'TELL' }],
  ends: { context: { n: 13 } },
})

runs('emit and raise within enqueueActions keep the order they were enqueued in', {
  machine: setup({ types: { context: {} as Trailed, emitted: {} as { type: 'said'; word: string } } }).createMachine({
    context: { trail: [] },
    on: {
      GO: {
        actions: enqueueActions(({ enqueue, check, context }) => {
          enqueue.emit({ type: 'said', word: `first ${context.trail.length}` })
          enqueue.assign({ trail: ({ context: now }) => [...now.trail, 'go'] })
          enqueue.raise({ type: 'THEN' })
          enqueue.emit(({ context: now }) => ({ type: 'said', word: `second ${now.trail.length}` }))
          if (check(({ context: now }) => now.trail.length > 0))
            enqueue.assign({ trail: ({ context: now }) => [...now.trail, 'checked'] })
        }),
      },
      THEN: {
        actions: [assign({ trail: ({ context }) => [...context.trail, 'then'] }), emit({ type: 'said', word: 'then' })],
      },
    },
  }),
  steps: [{ type: 'GO' }, { type: 'GO' }],
})
