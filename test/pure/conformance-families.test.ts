/** Parents, children and what they tell each other, each family run three ways. */
import { assign, enqueueActions, forwardTo, fromTransition, log, sendTo, setup, spawnChild, stopChild } from 'xstate'
import { note } from '#test/support/gates.ts'
import { counting, type Heard, hearing } from '#test/support/machines/hearing.ts'
import { runs } from '#test/support/three-ways.ts'

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
