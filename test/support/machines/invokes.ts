/** Work that a state asks for: promises, callbacks, observables, machines, transition logic. */
import { assign, fromCallback, fromPromise, sendTo, setup } from 'xstate'
import { type Scenario, send, types, wait } from './scenario.ts'

const sorted = (words: string[]): string[] => words.toSorted()

export const invoked: readonly Scenario[] = [
  {
    name: 'a promise that is kept',
    uses: ['invoke promise', 'onDone', 'input'],
    make: () =>
      setup({
        types,
        actors: { double: fromPromise(async ({ input }: { input: number }) => input * 2) },
      }).createMachine({
        context: { result: null },
        initial: 'idle',
        states: {
          idle: { on: { GO: 'working' } },
          working: {
            invoke: {
              id: 'work',
              src: 'double',
              input: ({ event }: any) => event.n,
              onDone: { target: 'idle', actions: assign({ result: ({ event }: any) => event.output }) },
              onError: 'broken',
            },
            on: { STOP: 'idle' },
          },
          broken: {},
        },
      } as never),
    script: [send('GO', { n: 21 }), send('GO', { n: 4 })],
    ends: { status: 'active', value: 'idle', context: { result: 8 } },
  },
  {
    name: 'a promise that is broken',
    uses: ['invoke promise', 'onError'],
    make: () =>
      setup({
        types,
        actors: {
          fail: fromPromise(async () => {
            throw new Error('declined')
          }),
        },
      }).createMachine({
        context: { why: null },
        initial: 'working',
        states: {
          working: {
            invoke: {
              src: 'fail',
              onDone: 'never',
              onError: { target: 'failed', actions: assign({ why: ({ event }: any) => event.error.message }) },
            },
          },
          failed: {},
          never: {},
        },
      } as never),
    script: [wait(0)],
    ends: { status: 'active', value: 'failed', context: { why: 'declined' } },
  },
  {
    name: 'three attempts, a pause between them, and then it works',
    uses: ['invoke promise', 'the same invocation again', 'after'],
    make: () =>
      setup({
        types,
        actors: {
          flaky: fromPromise(async ({ input }: { input: number }) => {
            if (input < 3) throw new Error(`attempt ${input}`)
            return `attempt ${input}`
          }),
        },
      }).createMachine({
        context: { attempt: 1, said: [] },
        initial: 'trying',
        states: {
          trying: {
            invoke: {
              id: 'flaky',
              src: 'flaky',
              input: ({ context }: any) => context.attempt,
              onDone: {
                target: 'over',
                actions: assign({ said: ({ context, event }: any) => [...context.said, event.output] }),
              },
              onError: {
                target: 'pausing',
                actions: assign({
                  attempt: ({ context }: any) => context.attempt + 1,
                  said: ({ context, event }: any) => [...context.said, event.error.message],
                }),
              },
            },
          },
          pausing: { after: { 100: 'trying' } },
          over: { type: 'final' },
        },
        output: ({ context }: any) => context.said,
      } as never),
    script: [wait(100), wait(100)],
    ends: {
      status: 'done',
      value: 'over',
      context: { attempt: 3, said: ['attempt 1', 'attempt 2', 'attempt 3'] },
      output: ['attempt 1', 'attempt 2', 'attempt 3'],
    },
  },
  {
    name: 'work that is left before it is done',
    uses: ['invoke promise', 'cancellation', 'after'],
    make: () =>
      setup({ types, actors: { forever: fromPromise(() => new Promise(() => {})) } }).createMachine({
        initial: 'waiting',
        states: {
          waiting: {
            invoke: { id: 'w', src: 'forever', onDone: 'never' },
            after: { 50: 'gaveUp' },
            on: { SKIP: 'skipped' },
          },
          gaveUp: { on: { AGAIN: 'waiting' } },
          skipped: { on: { AGAIN: 'waiting' } },
          never: {},
        },
      } as never),
    script: [send('SKIP'), wait(100), send('AGAIN'), wait(50)],
    ends: { status: 'active', value: 'gaveUp' },
  },
  {
    name: 'a state that is passed through never begins its work',
    uses: ['invoke', 'always', 'spawned and stopped in one step'],
    make: (note) =>
      setup({
        types,
        actors: {
          noisy: fromCallback(() => note('begun')),
          child: setup({ types, actions: { note: () => note('child entered') } }).createMachine({ entry: 'note' }),
        },
      }).createMachine({
        context: { n: 0 },
        initial: 'a',
        states: {
          a: { on: { GO: 'through' } },
          through: {
            invoke: [
              { id: 'noise', src: 'noisy' },
              { id: 'kid', src: 'child' },
            ],
            entry: sendTo('kid', { type: 'NEVER' }),
            always: 'b',
          },
          b: { on: { GO: 'a' } },
        },
      } as never),
    script: [send('GO'), send('GO'), send('GO')],
    ends: { status: 'active', value: 'b', context: { n: 0 }, notes: [], children: {} },
  },
  {
    name: 'several invocations in one state',
    uses: ['invoke promise', 'several invocations', 'parallel'],
    make: () =>
      setup({
        types,
        actors: {
          say: fromPromise(async ({ input }: { input: string }) => input),
          never: fromPromise(() => new Promise(() => {})),
        },
      }).createMachine({
        context: { said: [] },
        initial: 'both',
        states: {
          both: {
            type: 'parallel',
            states: {
              one: {
                initial: 'run',
                states: {
                  run: {
                    invoke: {
                      id: 'one',
                      src: 'say',
                      input: 'one',
                      onDone: {
                        target: 'fin',
                        actions: assign({ said: ({ context, event }: any) => sorted([...context.said, event.output]) }),
                      },
                    },
                  },
                  fin: { type: 'final' },
                },
              },
              two: {
                initial: 'run',
                states: {
                  run: {
                    invoke: [
                      {
                        id: 'two',
                        src: 'say',
                        input: 'two',
                        onDone: {
                          target: 'fin',
                          actions: assign({
                            said: ({ context, event }: any) => sorted([...context.said, event.output]),
                          }),
                        },
                      },
                      { id: 'rest', src: 'never' },
                    ],
                  },
                  fin: { type: 'final' },
                },
              },
            },
            onDone: 'over',
          },
          over: {},
        },
      } as never),
    script: [wait(0)],
    ends: { status: 'active', value: 'over', context: { said: ['one', 'two'] }, children: {} },
  },
]
