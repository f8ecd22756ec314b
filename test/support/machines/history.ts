/** Where one was before: shallow, deep, with a default, and under ids that hold dots. */
import { setup } from 'xstate'
import { type Scenario, send, types } from './scenario.ts'

const inner = {
  initial: 'a',
  states: {
    a: { on: { NEXT: 'b' } },
    b: { initial: 'b1', states: { b1: { on: { NEXT: 'b2' } }, b2: {} } },
  },
} as const

export const histories: readonly Scenario[] = [
  {
    name: 'a shallow history remembers the child and not the grandchild',
    uses: ['shallow history'],
    make: () =>
      setup({ types }).createMachine({
        initial: 'on',
        states: {
          on: { ...inner, states: { ...inner.states, h: { type: 'history' } }, on: { OFF: 'off' } },
          off: { on: { ON: 'on.h', FRESH: 'on' } },
        },
      } as never),
    script: [send('NEXT'), send('NEXT'), send('OFF'), send('ON')],
    ends: { status: 'active', value: { on: { b: 'b1' } } },
  },
  {
    name: 'a deep history remembers all the way down',
    uses: ['deep history'],
    make: () =>
      setup({ types }).createMachine({
        initial: 'on',
        states: {
          on: { ...inner, states: { ...inner.states, h: { type: 'history', history: 'deep' } }, on: { OFF: 'off' } },
          off: { on: { ON: 'on.h', FRESH: 'on' } },
        },
      } as never),
    script: [send('NEXT'), send('NEXT'), send('OFF'), send('ON')],
    ends: { status: 'active', value: { on: { b: 'b2' } } },
  },
  {
    name: 'a history without a past takes its default',
    uses: ['history default'],
    make: () =>
      setup({ types }).createMachine({
        initial: 'off',
        states: {
          off: { on: { ON: 'on.h' } },
          on: {
            initial: 'one',
            states: {
              one: { on: { NEXT: 'three' } },
              two: { on: { NEXT: 'one' } },
              three: {},
              h: { type: 'history', target: 'two' },
            },
            on: { OFF: 'off' },
          },
        },
      }),
    script: [send('ON'), send('NEXT'), send('NEXT'), send('OFF'), send('ON')],
    ends: { status: 'active', value: { on: 'three' } },
  },
  {
    name: 'a deep history of regions, in a machine whose ids hold dots',
    uses: ['deep history', 'parallel', 'ids with dots'],
    make: () =>
      setup({ types }).createMachine({
        id: 'shop.order',
        initial: 'work',
        states: {
          work: {
            type: 'parallel',
            states: {
              pack: { initial: 'todo', states: { todo: { on: { PACK: 'packed' } }, packed: { id: 'is.packed' } } },
              bill: { initial: 'todo', states: { todo: { on: { BILL: 'billed' } }, billed: {} } },
              past: { type: 'history', history: 'deep' },
            },
            on: { HOLD: 'held' },
          },
          held: { on: { RESUME: 'work.past', RESTART: 'work' } },
        },
      } as never),
    script: [send('BILL'), send('HOLD'), send('RESUME'), send('PACK'), send('HOLD'), send('RESUME')],
    ends: { status: 'active', value: { work: { pack: 'packed', bill: 'billed' } } },
  },
  {
    name: 'two histories in one family of states',
    uses: ['shallow history', 'deep history', 'raise'],
    make: () =>
      setup({ types }).createMachine({
        initial: 'player',
        states: {
          player: {
            initial: 'stopped',
            states: {
              stopped: { on: { PLAY: 'playing' } },
              playing: {
                initial: 'slow',
                states: { slow: { on: { FASTER: 'fast' } }, fast: {}, speed: { type: 'history' } },
                on: { PAUSE: 'paused' },
              },
              paused: { on: { PLAY: 'playing.speed' } },
              last: { type: 'history', history: 'deep' },
            },
            on: { CALL: 'calling' },
          },
          calling: { on: { HANGUP: 'player.last' } },
        },
      } as never),
    script: [
      send('PLAY'),
      send('FASTER'),
      send('PAUSE'),
      send('CALL'),
      send('HANGUP'),
      send('PLAY'),
      send('CALL'),
      send('HANGUP'),
    ],
    ends: { status: 'active', value: { player: { playing: 'fast' } } },
  },
]
