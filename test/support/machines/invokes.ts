/** Work that a state asks for: promises, callbacks, observables, machines, transition logic. */
import { assign, forwardTo, fromCallback, fromEventObservable, fromObservable, fromPromise, sendTo, setup } from 'xstate'
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

const sorted = (words: string[]): string[] => words.toSorted()

const silent = (): any => ({ subscribe: () => ({ unsubscribe() {} }) })

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
