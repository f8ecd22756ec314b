/** Work that a state asks for: promises, callbacks, observables, machines, transition logic. */
import { assign, emit, forwardTo, fromCallback, fromEventObservable, fromObservable, fromPromise, fromTransition, sendParent, sendTo, setup } from 'xstate'
import { type Scenario, send, types, wait } from './scenario.ts'

/** The least that XState asks of an observable: everything at once, then the end. */
function all<T>(...values: readonly T[]) {
  return {
    subscribe(observer: any) {
      for (const value of values) observer.next(value)
      observer.complete?.()
      return { unsubscribe() {} }
    },
  }
}

const silent = (): any => ({ subscribe: () => ({ unsubscribe() {} }) })

export const invoked: readonly Scenario[] = [
  {
    name: 'a promise that is kept',
    uses: ['invoke promise', 'onDone', 'input'],
    make: () =>
      setup({ types, actors: { double: fromPromise(async ({ input }: { input: number }) => input * 2) } }).createMachine({
        context: { result: null },
        initial: 'idle',
        states: {
          idle: { on: { GO: 'working' } },
          working: { invoke: { id: 'work', src: 'double', input: ({ event }: any) => event.n, onDone: { target: 'idle', actions: assign({ result: ({ event }: any) => event.output }) }, onError: 'broken' }, on: { STOP: 'idle' } },
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
        states: { working: { invoke: { src: 'fail', onDone: 'never', onError: { target: 'failed', actions: assign({ why: ({ event }: any) => event.error.message }) } } }, failed: {}, never: {} },
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
              onDone: { target: 'over', actions: assign({ said: ({ context, event }: any) => [...context.said, event.output] }) },
              onError: { target: 'pausing', actions: assign({ attempt: ({ context }: any) => context.attempt + 1, said: ({ context, event }: any) => [...context.said, event.error.message] }) },
            },
          },
          pausing: { after: { 100: 'trying' } },
          over: { type: 'final' },
        },
        output: ({ context }: any) => context.said,
      } as never),
    script: [wait(100), wait(100)],
    ends: { status: 'done', value: 'over', context: { attempt: 3, said: ['attempt 1', 'attempt 2', 'attempt 3'] }, output: ['attempt 1', 'attempt 2', 'attempt 3'] },
  },
  {
    name: 'work that is left before it is done',
    uses: ['invoke promise', 'cancellation', 'after'],
    make: () =>
      setup({ types, actors: { forever: fromPromise(() => new Promise(() => {})) } }).createMachine({
        initial: 'waiting',
        states: { waiting: { invoke: { id: 'w', src: 'forever', onDone: 'never' }, after: { 50: 'gaveUp' }, on: { SKIP: 'skipped' } }, gaveUp: { on: { AGAIN: 'waiting' } }, skipped: { on: { AGAIN: 'waiting' } }, never: {} },
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
          through: { invoke: [{ id: 'noise', src: 'noisy' }, { id: 'kid', src: 'child' }], entry: sendTo('kid', { type: 'NEVER' } as never), always: 'b' },
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
      setup({ types, actors: { say: fromPromise(async ({ input }: { input: string }) => input), never: fromPromise(() => new Promise(() => {})) } }).createMachine({
        context: { said: [] },
        initial: 'both',
        states: {
          both: {
            type: 'parallel',
            states: {
              one: { initial: 'run', states: { run: { invoke: { id: 'one', src: 'say', input: 'one', onDone: { target: 'fin', actions: assign({ said: ({ context, event }: any) => [...context.said, event.output].sort() }) } } }, fin: { type: 'final' } } },
              two: { initial: 'run', states: { run: { invoke: [{ id: 'two', src: 'say', input: 'two', onDone: { target: 'fin', actions: assign({ said: ({ context, event }: any) => [...context.said, event.output].sort() }) } }, { id: 'rest', src: 'never' }] }, fin: { type: 'final' } } },
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
      setup({ types, actors: { echo: fromCallback(({ sendBack, receive, input }: any) => receive((event: any) => sendBack({ type: 'ECHO', text: `${input.prefix}${event.text}` }))) } }).createMachine({
        context: { heard: [] },
        initial: 'off',
        states: {
          off: { on: { ON: 'on' } },
          on: { invoke: { id: 'echo', src: 'echo', input: { prefix: '>' } }, on: { SAY: { actions: sendTo('echo', ({ event }: any) => ({ type: 'SAY', text: event.text })) }, PASS: { actions: forwardTo('echo') }, OFF: 'off' } },
        },
        on: { ECHO: { actions: assign({ heard: ({ context, event }: any) => [...context.heard, event.text] }) } },
      } as never),
    script: [send('ON'), send('SAY', { text: 'a' }), send('PASS', { text: 'b' }), send('OFF'), send('SAY', { text: 'c' }), send('ON'), send('SAY', { text: 'd' }), send('OFF')],
    ends: { status: 'active', value: 'off', context: { heard: ['>a', '>b', '>d'] } },
  },
  {
    name: 'a callback that is sent to in the very step that begins it',
    uses: ['invoke callback', 'sendTo before spawn', 'after'],
    make: () =>
      setup({ types, actors: { echo: fromCallback(({ sendBack, receive }: any) => receive((event: any) => sendBack({ type: 'ECHO', text: event.text }))), kid: setup({ types }).createMachine({ context: { got: [] }, on: { HI: { actions: assign({ got: ({ context, event }: any) => [...context.got, event.n] }) } } } as never) } }).createMachine({
        context: { heard: [] },
        initial: 'off',
        on: { ECHO: { actions: assign({ heard: ({ context, event }: any) => [...context.heard, event.text] }) } },
        states: {
          off: { on: { ON: 'through' } },
          // What is passed through leaves no trace in how the ones that stay are numbered.
          through: { invoke: [{ id: 'kid', src: 'kid' }, { id: 'echo', src: 'echo' }], after: { 5: 'off' }, always: 'on' },
          on: { entry: [sendTo('echo', { type: 'SAY', text: 'early' } as never), sendTo('kid', { type: 'HI', n: 1 } as never)], after: { 1000: 'off' }, invoke: [{ id: 'echo', src: 'echo' }, { id: 'kid', src: 'kid' }], on: { SAY: { actions: forwardTo('echo') }, HI: { actions: forwardTo('kid') } } },
        },
      } as never),
    script: [send('ON'), send('SAY', { text: 'late' }), send('HI', { n: 2 })],
    ends: { status: 'active', value: 'on', context: { heard: ['early', 'late'] }, children: { kid: { status: 'active', context: { got: [1, 2] } } } },
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
              onSnapshot: { actions: assign({ seen: ({ context, event }: any) => (event.snapshot.context === undefined ? context.seen : [...context.seen, event.snapshot.context]) }) },
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
      setup({ types, actors: { keys: fromEventObservable(() => all({ type: 'KEY', key: 'a' }, { type: 'KEY', key: 'b' }) as never), silence: fromEventObservable(silent) } }).createMachine({
        context: { keys: '' },
        initial: 'typing',
        on: { KEY: { actions: assign({ keys: ({ context, event }: any) => context.keys + event.key }) } },
        states: { typing: { invoke: [{ id: 'keys', src: 'keys', onDone: 'over' }, { id: 'silence', src: 'silence' }] }, over: {} },
      } as never),
    script: [wait(0), send('KEY', { key: 'c' })],
    ends: { status: 'active', value: 'over', context: { keys: 'abc' } },
  },
  {
    name: 'a machine within a machine, which answers its parent',
    uses: ['invoke machine', 'sendParent', 'sendTo child', 'output', 'onDone'],
    make: () => {
      const cook = setup({ types }).createMachine({
        id: 'cook',
        context: ({ input }: any) => ({ dish: input.dish, steps: 0 }),
        initial: 'cooking',
        states: {
          cooking: {
            entry: sendParent(({ context }: any) => ({ type: 'STARTED', dish: context.dish })),
            on: { STIR: { actions: [assign({ steps: ({ context }: any) => context.steps + 1 }), sendParent(({ context }: any) => ({ type: 'STIRRED', steps: context.steps }))] }, SERVE: 'served' },
          },
          served: { type: 'final' },
        },
        output: ({ context }: any) => `${context.dish} (${context.steps})`,
      } as never)
      return setup({ types, actors: { cook } }).createMachine({
        context: { log: [] },
        initial: 'open',
        states: {
          open: { on: { ORDER: 'kitchen' } },
          kitchen: {
            invoke: { id: 'cook', src: 'cook', input: ({ event }: any) => ({ dish: event.dish }), onDone: { target: 'open', actions: assign({ log: ({ context, event }: any) => [...context.log, event.output] }) } },
            on: { STIR: { actions: sendTo('cook', { type: 'STIR' } as never) }, SERVE: { actions: sendTo('cook', { type: 'SERVE' } as never) }, CANCEL: 'open' },
          },
        },
        on: { '*': { actions: assign({ log: ({ context, event }: any) => [...context.log, event.type] }) } },
      } as never)
    },
    script: [send('ORDER', { dish: 'soup' }), send('STIR'), send('STIR'), send('SERVE'), send('ORDER', { dish: 'pie' }), send('CANCEL'), send('ORDER', { dish: 'tea' })],
    ends: { status: 'active', value: 'kitchen', context: { log: ['STARTED', 'STIRRED', 'STIRRED', 'soup (2)', 'STARTED', 'STARTED'] }, children: { cook: { status: 'active', value: 'cooking', context: { dish: 'tea', steps: 0 } } } },
  },
  {
    name: 'a child that is sent to by the entry action of the state that invokes it',
    uses: ['invoke machine', 'sendTo before spawn', 'emit in a child'],
    make: () => {
      const child = setup({ types }).createMachine({ context: { got: [] }, on: { HELLO: { actions: [assign({ got: ({ context, event }: any) => [...context.got, event.n] }), emit({ type: 'greeted' })] } } } as never)
      return setup({ types, actors: { child } }).createMachine({
        initial: 'a',
        states: { a: { on: { GO: 'b' } }, b: { entry: [sendTo('kid', { type: 'HELLO', n: 1 } as never), sendTo('kid', { type: 'HELLO', n: 2 } as never)], invoke: { id: 'kid', src: 'child' }, on: { GO: 'a' } } },
      } as never)
    },
    script: [send('GO')],
    ends: { status: 'active', value: 'b', children: { kid: { status: 'active', context: { got: [1, 2] } } } },
  },
  {
    name: 'transition logic as a child, watched by its parent',
    uses: ['invoke transition', 'onSnapshot', 'sendTo child'],
    make: () =>
      setup({ types, actors: { tally: fromTransition((state: { n: number }, event: any) => (event.type === 'ADD' ? { n: state.n + event.by } : state), ({ input }: any) => ({ n: input })) } }).createMachine({
        context: { seen: null },
        initial: 'on',
        states: {
          on: {
            invoke: { id: 'tally', src: 'tally', input: 100, onSnapshot: { actions: assign({ seen: ({ event }: any) => event.snapshot.context.n }) } },
            on: { ADD: { actions: forwardTo('tally') }, OFF: 'off' },
          },
          off: {},
        },
      } as never),
    script: [send('ADD', { by: 1 }), send('ADD', { by: 2 })],
    ends: { status: 'active', value: 'on', context: { seen: 103 }, children: { tally: { status: 'active', context: { n: 103 } } } },
  },
  {
    name: 'a child that throws is heard by its parent',
    uses: ['invoke machine', 'onError'],
    make: () => {
      const child = setup({
        types,
        guards: {
          boom: () => {
            throw new Error('boom')
          },
        },
      }).createMachine({ initial: 'a', states: { a: { on: { GO: { guard: 'boom', target: 'b' } } }, b: {} } })
      return setup({ types, actors: { child } }).createMachine({
        context: { failed: false },
        initial: 'on',
        states: { on: { invoke: { id: 'kid', src: 'child', onError: { target: 'off', actions: assign({ failed: ({ event }: any) => event.error.message.includes('boom') }) } }, on: { GO: { actions: sendTo('kid', { type: 'GO' } as never) } } }, off: {} },
      } as never)
    },
    script: [send('GO')],
    ends: { status: 'active', value: 'off', context: { failed: true } },
  },
  {
    name: 'a child in error whom nobody hears takes its parent along',
    uses: ['invoke promise', 'unhandled error', 'hierarchy'],
    make: () => {
      const middle = setup({
        types,
        actors: {
          fail: fromPromise(async () => {
            throw new Error('unheard')
          }),
        },
      }).createMachine({ initial: 'a', states: { a: { invoke: { id: 'fail', src: 'fail' } } } })
      return setup({ types, actors: { middle } }).createMachine({
        context: { why: null },
        initial: 'on',
        states: { on: { invoke: { id: 'middle', src: 'middle', onError: { target: 'off', actions: assign({ why: ({ event }: any) => event.error.message }) } } }, off: {} },
      } as never)
    },
    script: [wait(0)],
    ends: { status: 'active', value: 'off', context: { why: 'unheard' } },
  },
  {
    name: 'an invocation of the machine itself lasts as long as the machine',
    uses: ['invoke at the root', 'final', 'sendTo child'],
    make: () => {
      const child = setup({ types }).createMachine({ context: { n: 0 }, on: { TICK: { actions: [assign({ n: ({ context }: any) => context.n + 1 }), sendParent(({ context }: any) => ({ type: 'TOCK', n: context.n }))] } } } as never)
      return setup({ types, actors: { child } }).createMachine({
        context: { n: 0 },
        invoke: { id: 'kid', src: 'child' },
        initial: 'a',
        on: { TOCK: { actions: assign({ n: ({ event }: any) => event.n }) }, TICK: { actions: sendTo('kid', { type: 'TICK' } as never) } },
        states: { a: { on: { GO: 'b' } }, b: { on: { END: 'over' } }, over: { type: 'final' } },
        output: ({ context }: any) => context.n,
      } as never)
    },
    script: [send('TICK'), send('GO'), send('TICK'), send('END'), send('TICK')],
    ends: { status: 'done', value: 'over', context: { n: 2 }, output: 2, children: {} },
  },
]
