/** Events that come later, each run three ways. */
import { assign, cancel, emit, forwardTo, sendParent, sendTo, setup } from 'xstate'
import { hearing } from '#test/support/machines/hearing.ts'
import { runs } from '#test/support/three-ways.ts'

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
