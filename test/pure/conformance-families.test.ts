/** Parents, children and work that they ask for, each run three ways. */
import {
  type AnyEventObject,
  assign,
  cancel,
  emit,
  enqueueActions,
  forwardTo,
  fromCallback,
  fromPromise,
  fromTransition,
  log,
  sendParent,
  sendTo,
  setup,
  spawnChild,
  stopChild,
} from 'xstate'
import { gate, note } from '#test/support/gates.ts'
import { runs } from '#test/support/three-ways.ts'

type Heard = { heard: unknown[] }

/** Any value, but one that does not swallow the type of a function beside it. */
type What = string | number | boolean | object | null | undefined

const hear = assign<Heard, AnyEventObject, What, AnyEventObject, never>({
  heard: ({ context }, what) => [...context.heard, what],
})
const hearing = { types: { context: {} as Heard }, actions: { hear } }

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

const thrower = setup({ types: { input: {} as string } }).createMachine({
  context: ({ input }) => {
    if (input === 'at birth') throw new Error('stillborn')
    return {}
  },
  on: {
    GO: {
      actions: assign(() => {
        throw Object.assign(new Error('later'), { code: 7 })
      }),
    },
  },
})

runs('a child that fails at birth, or later, is in error and its parent hears the very error', {
  machine: setup({ ...hearing, actors: { thrower } }).createMachine({
    context: { heard: [] },
    initial: 'first',
    states: {
      first: {
        invoke: {
          id: 'kid',
          src: 'thrower',
          input: 'in time',
          onError: {
            target: 'second',
            actions: {
              type: 'hear',
              params: ({ event }) => [(event.error as Error).message, (event.error as { code?: number }).code],
            },
          },
        },
        on: { GO: { actions: sendTo('kid', { type: 'GO' }) } },
      },
      second: {
        invoke: {
          id: 'kid',
          src: 'thrower',
          input: 'at birth',
          onError: {
            target: 'third',
            actions: { type: 'hear', params: ({ event }) => (event.error as Error).message },
          },
        },
      },
      third: {},
    },
  }),
  steps: [{ type: 'GO' }],
  ends: { value: 'third', context: { heard: [['later', 7], 'stillborn'] } },
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

const counting = setup({ types: { context: {} as { n: number }, input: {} as number | undefined } }).createMachine({
  context: ({ input }) => ({ n: input ?? 0 }),
  initial: 'on',
  states: {
    on: {
      on: {
        INC: {
          actions: [
            assign({ n: ({ context }) => context.n + 1 }),
            emit(({ context }) => ({ type: 'counted', n: context.n })),
          ],
        },
        END: 'over',
        UP: { actions: sendParent(({ context }) => ({ type: 'FROM_KID', n: context.n })) },
      },
    },
    over: { type: 'final', tags: 'finished' },
  },
  output: ({ context }) => ({ n: context.n, all: new Map([['n', context.n]]) }),
})

runs('a child that has ended stays to be seen until it is stopped, and its id is free for another', {
  machine: setup({ ...hearing, actors: { counting } }).createMachine({
    context: { heard: [] },
    on: {
      SPAWN: { actions: spawnChild('counting', { id: 'kid', input: 5 }) },
      STOP: { actions: stopChild('kid') },
      TELL: { actions: sendTo('kid', ({ event }) => ({ type: event['what'] as 'INC' })) },
      'xstate.done.actor.kid': { actions: { type: 'hear', params: ({ event }) => event['output'] } },
      FROM_KID: { actions: { type: 'hear', params: ({ event }) => event['n'] } },
    },
  }),
  steps: [
    { type: 'SPAWN' },
    { type: 'TELL', what: 'INC' },
    { type: 'TELL', what: 'UP' },
    { type: 'TELL', what: 'END' },
    { type: 'STOP' },
    { type: 'SPAWN' },
    { type: 'TELL', what: 'INC' },
    { type: 'TELL', what: 'UP' },
  ],
})

runs('entering again begins every invocation anew', {
  machine: setup({
    ...hearing,
    actors: {
      counting,
      tally: fromTransition((n: number, event: { type: string }) => (event.type === 'INC' ? n + 1 : n), 0),
    },
  }).createMachine({
    context: { heard: [] },
    initial: 'on',
    states: {
      on: {
        invoke: [
          { id: 'a', src: 'counting', input: 1 },
          { id: 'b', src: 'tally' },
        ],
        on: { AGAIN: { target: 'on', reenter: true }, INC: { actions: [forwardTo('a'), forwardTo('b')] } },
      },
    },
  }),
  steps: [{ type: 'INC' }, { type: 'INC' }, { type: 'AGAIN' }, { type: 'INC' }],
})

runs('a parent that follows a child is told after every event that the child took, also when nothing came of it', {
  machine: setup({ ...hearing, actors: { counting } }).createMachine({
    context: { heard: [] },
    invoke: {
      id: 'kid',
      src: 'counting',
      onSnapshot: {
        actions: {
          type: 'hear',
          params: ({ event }) => [event.snapshot.status, event.snapshot.value, event.snapshot.context.n],
        },
      },
    },
    on: { TELL: { actions: sendTo('kid', ({ event }) => ({ type: event['what'] as 'INC' })) } },
  }),
  steps: [
    { type: 'TELL', what: 'INC' },
    { type: 'TELL', what: 'NOTHING' },
    { type: 'TELL', what: 'INC' },
    { type: 'TELL', what: 'END' },
  ],
})

const grandchild = setup({ delays: { pulse: 20 } }).createMachine({
  id: 'grand',
  context: { beats: 0 },
  initial: 'beating',
  states: {
    beating: {
      after: {
        pulse: {
          target: 'beating',
          reenter: true,
          actions: [
            assign({ beats: ({ context }) => (context as { beats: number }).beats + 1 }),
            emit({ type: 'beat' }),
          ],
        },
      },
      on: { CALM: 'calm' },
    },
    calm: { on: { WAKE: 'beating' } },
  },
})
const middle = setup({ actors: { grandchild } }).createMachine({
  invoke: { id: 'grand', src: 'grandchild' },
  on: { CALM: { actions: forwardTo('grand') }, WAKE: { actions: forwardTo('grand') } },
})

runs('timers of grandchildren run by themselves, and end with the family', {
  machine: setup({ actors: { middle } }).createMachine({
    initial: 'on',
    states: {
      on: {
        invoke: { id: 'middle', src: 'middle' },
        on: { CALM: { actions: forwardTo('middle') }, WAKE: { actions: forwardTo('middle') }, OFF: 'off' },
      },
      off: { on: { ON: 'on' } },
    },
  }),
  steps: [
    { wait: 50 },
    { type: 'CALM' },
    { wait: 50 },
    { type: 'WAKE' },
    { wait: 30 },
    { type: 'OFF' },
    { wait: 100 },
    { type: 'ON' },
    { wait: 20 },
  ],
})

runs('an event goes to a descendant by itself', {
  machine: setup({ actors: { middle } }).createMachine({ invoke: { id: 'middle', src: 'middle' } }),
  steps: [{ wait: 20 }, { to: ['middle', 'grand'], event: { type: 'CALM' } }, { wait: 40 }],
})

runs('delayed events to children and parents arrive in time, or not at all when cancelled', {
  machine: setup({
    ...hearing,
    actors: {
      kid: setup({}).createMachine({
        context: { got: 0 },
        on: {
          PING: {
            actions: [
              assign({ got: ({ context }) => (context as { got: number }).got + 1 }),
              sendParent({ type: 'PONG' }, { delay: 30, id: 'pong' }),
            ],
          },
          HUSH: { actions: cancel('pong') },
        },
      }),
    },
  }).createMachine({
    context: { heard: [] },
    invoke: { id: 'kid', src: 'kid' },
    on: {
      LATER: { actions: sendTo('kid', { type: 'PING' }, { delay: 20, id: 'ping' }) },
      NEVER: { actions: cancel('ping') },
      HUSH: { actions: sendTo('kid', { type: 'HUSH' }) },
      PONG: { actions: { type: 'hear', params: 'pong' } },
    },
  }),
  steps: [
    { type: 'LATER' },
    { wait: 20 },
    { wait: 30 },
    { type: 'LATER' },
    { type: 'NEVER' },
    { wait: 60 },
    { type: 'LATER' },
    { wait: 20 },
    { type: 'HUSH' },
    { wait: 60 },
  ],
  ends: { context: { heard: ['pong'] } },
})

runs('of two delayed events under one id both come, and only the later one can be cancelled', {
  machine: setup(hearing).createMachine({
    context: { heard: [] },
    on: {
      SET: {
        actions: sendTo(
          ({ self }) => self,
          ({ event }) => ({ type: 'RING', n: event['n'] }),
          { id: 'bell', delay: ({ event }) => event['ms'] as number },
        ),
      },
      HUSH: { actions: cancel('bell') },
      RING: { actions: { type: 'hear', params: ({ event }) => event['n'] } },
    },
  }),
  steps: [
    { type: 'SET', n: 1, ms: 10 },
    { type: 'SET', n: 2, ms: 20 },
    { type: 'HUSH' },
    { wait: 30 },
    { type: 'SET', n: 3, ms: 10 },
    { wait: 10 },
  ],
  ends: { context: { heard: [1, 3] } },
})

runs('timers of one instant fire in the order in which they were armed', {
  machine: setup(hearing).createMachine({
    context: { heard: [] },
    on: {
      SET: {
        actions: sendTo(
          ({ self }) => self,
          ({ event }) => ({ type: 'RING', n: event['n'] }),
          { delay: ({ event }) => event['ms'] as number },
        ),
      },
      RING: { actions: { type: 'hear', params: ({ event }) => event['n'] } },
    },
  }),
  steps: [
    { type: 'SET', n: 1, ms: 30 },
    { wait: 10 },
    { type: 'SET', n: 2, ms: 20 },
    { type: 'SET', n: 3, ms: 20 },
    { type: 'SET', n: 4, ms: 5 },
    { wait: 20 },
  ],
  ends: { context: { heard: [4, 1, 2, 3] } },
})

runs('whoever sends may be answered by its reference, also when that waited in a context', {
  machine: setup({
    ...hearing,
    actors: {
      desk: setup({ types: { context: {} as { who: unknown[] } } }).createMachine({
        context: { who: [] },
        on: {
          QUEUE: { actions: assign({ who: ({ context, event }) => [...context.who, event['from']] }) },
          NEXT: {
            actions: [
              sendTo(({ context }) => context.who[0] as never, { type: 'SERVED' } as never),
              assign({ who: ({ context }) => context.who.slice(1) }),
            ],
          },
        },
      }),
    },
  }).createMachine({
    context: { heard: [] },
    invoke: { id: 'desk', src: 'desk' },
    on: {
      GO: { actions: sendTo('desk', ({ self }) => ({ type: 'QUEUE', from: self })) },
      NEXT: { actions: forwardTo('desk') },
      SERVED: { actions: { type: 'hear', params: 'served' } },
    },
  }),
  steps: [{ type: 'GO' }, { type: 'GO' }, { type: 'NEXT' }, { type: 'NEXT' }],
  ends: { context: { heard: ['served', 'served'] } },
})

runs('a system id belongs to who lives: it is free after a stop, and after an end', {
  machine: setup({ ...hearing, actors: { counting } }).createMachine({
    context: { heard: [] },
    on: {
      SPAWN: { actions: spawnChild('counting', { id: 'kid', systemId: 'star', input: 3 }) },
      STOP: { actions: stopChild('kid') },
      END: { actions: sendTo('kid', { type: 'END' }) },
      LOOK: {
        actions: {
          type: 'hear',
          params: ({ system }: { system: { get(name: string): unknown } }) => system.get('star') !== undefined,
        } as never,
      },
      ASK: { actions: sendTo(({ system }) => system.get('star'), { type: 'UP' }) },
      FROM_KID: { actions: { type: 'hear', params: ({ event }) => event['n'] } },
    },
  }),
  steps: [
    { type: 'SPAWN' },
    { type: 'ASK' },
    { type: 'STOP' },
    { type: 'SPAWN' },
    { type: 'ASK' },
    { type: 'END' },
    { type: 'STOP' },
    { type: 'SPAWN' },
    { type: 'ASK' },
  ],
  ends: { context: { heard: [3, 3, 3] } },
})

runs('everything that enqueueActions can enqueue', {
  machine: setup({
    ...hearing,
    actors: { counting },
    actions: { ...hearing.actions, ran: (_: unknown, what: string) => note(what) },
  }).createMachine({
    context: { heard: [] },
    on: {
      GO: {
        actions: enqueueActions(({ enqueue, check, event, self }) => {
          const many = event['many'] as number
          for (let n = 0; n < many; n++) enqueue.spawnChild('counting', { id: `kid${n}`, input: n })
          enqueue({ type: 'hear', params: 'enqueued' })
          enqueue({ type: 'ran', params: `ran ${many}` })
          enqueue.sendTo('kid0', { type: 'INC' })
          enqueue.sendTo(self, { type: 'SELF' })
          enqueue.raise({ type: 'RAISED' })
          enqueue.raise({ type: 'LATE' }, { id: 'late', delay: 10 })
          enqueue.raise({ type: 'NEVER' }, { id: 'never', delay: 10 })
          enqueue.cancel('never')
          enqueue.emit({ type: 'went', many } as never)
          enqueue(log('logged'))
          if (check(({ context }) => context.heard.length > 3)) enqueue.stopChild('kid1')
        }),
      },
      '*': { actions: { type: 'hear', params: ({ event }) => event.type } },
    },
  }),
  steps: [{ type: 'GO', many: 2 }, { wait: 10 }, { to: ['kid1'], event: { type: 'INC' } }, { type: 'GO', many: 0 }],
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

runs('a child whose first state is final is done at once', {
  machine: setup({
    ...hearing,
    actors: {
      brief: setup({}).createMachine({ initial: 'over', states: { over: { type: 'final' } }, output: 'brief' }),
    },
  }).createMachine({
    context: { heard: [] },
    initial: 'on',
    states: {
      on: {
        invoke: {
          src: 'brief',
          onDone: { target: 'off', actions: { type: 'hear', params: ({ event }) => event.output } },
        },
      },
      off: {},
    },
  }),
  steps: [],
  ends: { value: 'off', context: { heard: ['brief'] } },
})

runs('a machine may look at its children', {
  machine: setup({ types: { context: {} as Heard }, actors: { counting } }).createMachine({
    context: { heard: [] },
    invoke: { id: 'kid', src: 'counting', input: 2 },
    on: {
      INC: { actions: forwardTo('kid') },
      END: { actions: sendTo('kid', { type: 'END' }) },
      LOOK: {
        actions: assign({
          heard: ({ context, self }) => {
            const kid = (
              self.getSnapshot() as unknown as {
                children: Record<string, { getSnapshot(): { status: string; context: { n: number } } }>
              }
            ).children['kid']?.getSnapshot()
            return [...context.heard, kid?.status, kid?.context.n]
          },
        }),
      },
    },
  }),
  steps: [{ type: 'LOOK' }, { type: 'INC' }, { type: 'LOOK' }, { type: 'END' }, { type: 'LOOK' }],
  ends: { context: { heard: ['active', 2, 'active', 3, 'done', 3] } },
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
