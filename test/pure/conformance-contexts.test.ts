/** Contexts, input, errors and ends, each run three ways. */
import { assign, createMachine, emit, enqueueActions, fromTransition, setup } from 'xstate'
import type { Trailed } from '#test/support/machines/trailing.ts'
import { runs } from '#test/support/three-ways.ts'

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
