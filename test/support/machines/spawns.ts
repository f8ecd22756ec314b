/** Actors that are spawned by actions and live until they are stopped. */
import {
  assign,
  enqueueActions,
  fromCallback,
  fromPromise,
  sendParent,
  sendTo,
  setup,
  spawnChild,
  stopChild,
} from 'xstate'
import { type Scenario, send, types, wait } from './scenario.ts'

const counter = () =>
  setup({ types }).createMachine({
    context: ({ input }: any) => ({ n: input ?? 0 }),
    on: {
      INC: { actions: assign({ n: ({ context }: any) => context.n + 1 }) },
      REPORT: { actions: sendParent(({ context }: any) => ({ type: 'COUNT', n: context.n })) },
    },
  } as never)

const total = { COUNT: { actions: assign({ counts: ({ context, event }: any) => [...context.counts, event.n] }) } }

export const spawned: readonly Scenario[] = [
  {
    name: 'a child is spawned, stopped, and spawned again under the same id',
    uses: ['spawnChild', 'stopChild', 'input', 'the same id again'],
    make: () =>
      setup({ types, actors: { counter: counter() } }).createMachine({
        context: { counts: [] },
        on: {
          ...total,
          START: { actions: spawnChild('counter', { id: 'c', input: ({ event }: any) => event.from }) },
          INC: { actions: sendTo('c', { type: 'INC' }) },
          ASK: { actions: sendTo('c', { type: 'REPORT' }) },
          STOP: { actions: stopChild('c') },
        },
      } as never),
    script: [
      send('START', { from: 5 }),
      send('INC'),
      send('ASK'),
      send('STOP'),
      send('START', { from: 50 }),
      send('INC'),
      send('INC'),
      send('ASK'),
    ],
    ends: { status: 'active', context: { counts: [6, 52] }, children: { c: { status: 'active', context: { n: 52 } } } },
  },
  {
    name: 'children whose number and names are decided at run time',
    uses: ['enqueueActions', 'spawnChild', 'dynamic ids', 'stopChild by function'],
    make: () =>
      setup({ types, actors: { counter: counter() } }).createMachine({
        context: { counts: [], ids: [] },
        on: {
          ...total,
          GROW: {
            actions: [
              assign({ ids: ({ context }: any) => [...context.ids, `kid-${context.ids.length}`] }),
              spawnChild('counter', { id: ({ context }: any) => context.ids.at(-1), input: 7 }),
            ],
          },
          GROW2: {
            actions: enqueueActions(({ context, enqueue }: any) => {
              const id = `kid-${context.ids.length}`
              enqueue.assign({ ids: [...context.ids, id] })
              enqueue.spawnChild('counter', { id, input: 70 })
              enqueue.sendTo(id, { type: 'INC' })
            }) as never,
          },
          SHRINK: {
            actions: [
              stopChild(({ context }: any) => context.ids.at(-1)),
              assign({ ids: ({ context }: any) => context.ids.slice(0, -1) }),
            ],
          },
          ASK: {
            actions: enqueueActions(({ context, enqueue }: any) => {
              for (const id of context.ids) enqueue.sendTo(id, { type: 'REPORT' })
            }) as never,
          },
        },
      } as never),
    script: [send('GROW'), send('GROW2'), send('GROW'), send('SHRINK'), send('ASK')],
    ends: {
      status: 'active',
      context: { counts: [7, 71], ids: ['kid-0', 'kid-1'] },
      children: { 'kid-0': { status: 'active', context: { n: 7 } }, 'kid-1': { status: 'active', context: { n: 71 } } },
    },
  },
  {
    name: 'a spawned child whose snapshots its parent follows',
    uses: ['spawnChild', 'syncSnapshot', 'snapshot events'],
    make: () =>
      setup({ types, actors: { counter: counter() } }).createMachine({
        context: { seen: [] },
        on: {
          START: { actions: spawnChild('counter', { id: 'c', input: 1, syncSnapshot: true }) },
          INC: { actions: sendTo('c', { type: 'INC' }) },
          'xstate.snapshot.c': {
            actions: assign({ seen: ({ context, event }: any) => [...context.seen, event.snapshot.context.n] }),
          },
        },
      } as never),
    script: [send('START'), send('INC'), send('INC')],
    ends: { status: 'active', context: { seen: [1, 2, 3] }, children: { c: { status: 'active', context: { n: 3 } } } },
  },
  {
    name: 'spawned work of every kind, with ids and without',
    uses: ['spawnChild promise', 'spawnChild callback', 'spawnChild without id', 'done events'],
    make: () =>
      setup({
        types,
        actors: {
          answer: fromPromise(async () => 42),
          shout: fromCallback(({ sendBack, input }: any) => sendBack({ type: 'SHOUT', text: input })),
        },
      }).createMachine({
        context: { heard: [] },
        on: {
          GO: { actions: [spawnChild('answer', { id: 'answer' }), spawnChild('shout', { input: 'hey' })] },
          'xstate.done.actor.answer': {
            actions: assign({
              heard: ({ context, event }: any) => [...context.heard, event.output].map(String).sort(),
            }),
          },
          SHOUT: {
            actions: assign({ heard: ({ context, event }: any) => [...context.heard, event.text].map(String).sort() }),
          },
        },
      } as never),
    script: [send('GO')],
    ends: { status: 'active', context: { heard: ['42', 'hey'] } },
  },
  {
    name: 'children outlive the state that spawned them, and die with their parent',
    uses: ['spawnChild in entry', 'final', 'stop with the parent'],
    make: (note) => {
      const child = setup({ types, delays: { pulse: 10 }, actions: { beat: () => note('beat') } }).createMachine({
        initial: 'a',
        states: { a: { after: { pulse: { target: 'a', reenter: true, actions: 'beat' } } } },
      })
      return setup({ types, actors: { child } }).createMachine({
        initial: 'idle',
        states: {
          idle: { on: { GO: 'spawning' } },
          spawning: { entry: spawnChild('child', { id: 'heart' }), on: { NEXT: 'after' } },
          after: { on: { END: 'over' } },
          over: { type: 'final' },
        },
      })
    },
    script: [send('GO'), send('NEXT'), wait(10), wait(10), send('END'), wait(100)],
    ends: { status: 'done', value: 'over', notes: [['beat'], ['beat']], children: {} },
  },
]
