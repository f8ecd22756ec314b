/** Which transition is taken: guards, always, raised events, wildcards; each run three ways. */
import { and, assign, createMachine, not, or, raise, setup, stateIn } from 'xstate'
import { mark, trailing } from '#test/support/machines/trailing.ts'
import { runs } from '#test/support/three-ways.ts'

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
