/** Promises and callbacks that a machine asks for, each run three ways. */
import { forwardTo, fromCallback, fromPromise, setup } from 'xstate'
import { gate } from '#test/support/gates.ts'
import { hearing } from '#test/support/machines/hearing.ts'
import { runs } from '#test/support/three-ways.ts'

class CardError extends Error {
  readonly code = 'ECARD'
  readonly detail = { tries: 3, at: new Date(5) }
}

runs('a broken promise brings its own error, with its class fields and its cause', {
  machine: setup({
    ...hearing,
    actors: {
      pay: fromPromise(async () => {
        throw new CardError('declined', { cause: new TypeError('limit') })
      }),
    },
  }).createMachine({
    context: { heard: [] },
    initial: 'paying',
    states: {
      paying: {
        invoke: {
          src: 'pay',
          onError: {
            target: 'failed',
            actions: {
              type: 'hear',
              params: ({ event }) => [
                event.error instanceof Error,
                (event.error as CardError).code,
                (event.error as CardError).detail,
                (event.error as CardError).cause,
                event.error,
              ],
            },
          },
        },
      },
      failed: {},
    },
  }),
  steps: [],
  ends: { value: 'failed' },
})

runs('what is thrown need not be an error', {
  machine: setup({ ...hearing, actors: { odd: fromPromise(() => gate('odd')) } }).createMachine({
    context: { heard: [] },
    initial: 'on',
    states: {
      on: {
        invoke: {
          id: 'odd',
          src: 'odd',
          onError: { target: 'off', actions: { type: 'hear', params: ({ event }) => event.error } },
        },
      },
      off: {},
    },
  }),
  steps: [{ fail: 'odd', error: { why: 'because', list: [1, 2] } }],
  ends: { context: { heard: [{ why: 'because', list: [1, 2] }] } },
})

runs('an error that nobody handles ends the machine in error', {
  machine: setup({ actors: { odd: fromPromise(() => gate('odd')) } }).createMachine({
    invoke: { src: 'odd' },
    initial: 'a',
    states: { a: {} },
  }),
  steps: [{ fail: 'odd', error: new RangeError('too far') }, { type: 'LATE' }],
  ends: { status: 'error', error: { error: 'RangeError', message: 'too far' } },
})

runs('work in progress is kept over everything that happens meanwhile, and its result counts once', {
  machine: setup({
    ...hearing,
    actors: { slow: fromPromise(({ input }: { input: string }) => gate(input)) },
  }).createMachine({
    context: { heard: [] },
    initial: 'on',
    states: {
      on: {
        invoke: [
          {
            id: 'one',
            src: 'slow',
            input: 'one',
            onDone: { actions: { type: 'hear', params: ({ event }) => event.output } },
          },
          {
            id: 'two',
            src: 'slow',
            input: 'two',
            onDone: { actions: { type: 'hear', params: ({ event }) => event.output } },
          },
        ],
        on: { AGAIN: { target: 'on', reenter: true }, OFF: 'off' },
      },
      off: {},
    },
    on: { NOISE: { actions: { type: 'hear', params: 'noise' } } },
  }),
  steps: [
    { type: 'NOISE' },
    { open: 'two', value: new Map([['k', new Set([2])]]) },
    { type: 'NOISE' },
    { open: 'one', value: 1 },
    { type: 'AGAIN' },
    { type: 'OFF' },
  ],
  ends: { value: 'off' },
})

runs('a callback hears and answers in order, for as long as it is invoked', {
  machine: setup({
    ...hearing,
    actors: {
      socket: fromCallback<{ type: string; n?: number }>(({ sendBack, receive }) => {
        receive((event) => {
          sendBack({ type: 'BACK', n: event.n })
          sendBack({ type: 'BACK', n: -(event.n ?? 0) })
        })
      }),
    },
  }).createMachine({
    context: { heard: [] },
    initial: 'on',
    states: {
      on: {
        invoke: {
          id: 'socket',
          src: 'socket',
          onError: { target: 'off', actions: { type: 'hear', params: ({ event }) => (event.error as Error).message } },
        },
        on: { SAY: { actions: forwardTo('socket') }, OFF: 'off' },
      },
      off: { on: { ON: 'on' } },
    },
    on: { BACK: { actions: { type: 'hear', params: ({ event }) => event['n'] } } },
  }),
  steps: [
    { type: 'SAY', n: 1 },
    { type: 'SAY', n: 2 },
    { type: 'OFF' },
    { type: 'SAY', n: 3 },
    { type: 'ON' },
    { type: 'SAY', n: 4 },
  ],
  ends: { context: { heard: [1, -1, 2, -2, 4, -4] } },
})

runs('what a promise or a callback emits is emitted once, in its order', {
  machine: setup({
    actors: {
      steps: fromPromise<unknown>(async ({ emit: tell }) => {
        tell({ type: 'step', n: 1 } as never)
        await gate('second')
        tell({ type: 'step', n: 2 } as never)
      }),
      echo: fromCallback(({ receive, emit: tell }) => receive((event) => tell({ ...event, type: 'echoed' }))),
    },
  }).createMachine({
    initial: 'on',
    states: {
      on: { invoke: { id: 'echo', src: 'echo' }, on: { SAY: { actions: forwardTo('echo') }, STEP: 'stepping' } },
      stepping: { invoke: { src: 'steps', onDone: 'off' } },
      off: {},
    },
  }),
  steps: [{ type: 'SAY', n: 1 }, { type: 'SAY', n: 2 }, { open: 'second' }, { type: 'STEP' }],
  ends: { value: 'off' },
})
