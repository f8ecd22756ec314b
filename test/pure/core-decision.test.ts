/** Decision records: which options a guarded choice had, and which was taken [N29]. */
import { expect, test } from 'vitest'
import { and, assign, not, or, setup, stateIn } from 'xstate'
import { types } from '#test/support/machines/scenario.ts'
import { stepperOf } from '#test/support/machines/stepper.ts'

const machine = setup({
  types,
  guards: {
    rich: ({ context }: any) => context.money > 100,
    sure: ({ event }: any, params: { least: number }) => event.confidence >= params.least,
    never: () => false,
  },
}).createMachine({
  id: 'm',
  context: { money: 50 },
  initial: 'idle',
  on: { '*': [{ guard: 'rich', actions: [] }, { actions: assign({ money: 1 }) }] },
  states: {
    idle: {
      on: {
        BUY: [
          { guard: 'rich', target: 'bought' },
          { guard: and(['never', not('rich')]), target: 'bought' },
          { guard: or([stateIn('idle'), ({ event }: any) => event.force]), target: 'refused' },
          { target: 'idle' },
        ],
        SORT: { guard: { type: 'sure', params: { least: 0.5 } }, target: 'sorted' },
        MODEL: { guard: ({ event }: any) => event.output.label === 'ok', target: 'sorted' },
        FIXED: { guard: () => true, target: 'idle', meta: { confidence: 0.25 } },
        COMPUTED: {
          guard: () => true,
          target: 'idle',
          meta: { confidence: ({ context, event }: any) => context.money / event.of },
        },
        PLAIN: 'sorted',
        ALWAYS: 'judging',
        'part.*': { guard: 'never', target: 'sorted' },
      },
    },
    bought: {},
    refused: {
      initial: 'deep',
      states: { deep: { on: { BUY: { guard: 'never', target: 'deep' } } } },
      on: {
        BUY: [
          { guard: 'never', target: 'idle' },
          { guard: ({ event }: any) => event.force === true, target: 'idle' },
        ],
      },
    },
    sorted: {},
    judging: {
      always: [
        { guard: 'rich', target: 'bought' },
        { guard: ({ context }: any) => context.money < 100, target: 'refused' },
      ],
    },
  },
} as never)

const decide = (type: string, more: object = {}) => {
  const actor = stepperOf(machine, { decisions: true })
  return actor.step({ type, ...more }).decision
}

test('every candidate is an option, in the order in which it was asked', () => {
  expect(decide('BUY')).toEqual({
    options: [
      { target: ['m.bought'], guard: 'rich', chosen: false },
      { target: ['m.bought'], guard: 'and(never, not(rich))', chosen: false },
      { target: ['m.refused'], guard: 'or(stateIn("idle"), (inline))', chosen: true },
      { target: ['m.idle'], guard: undefined, chosen: false },
    ],
  })
})

test('a confidence comes from the transition, from the event, or from what an invoked model said', () => {
  expect(decide('SORT', { confidence: 0.9 })).toEqual({
    options: [{ target: ['m.sorted'], guard: 'sure', chosen: true }],
    confidence: 0.9,
  })
  expect(decide('MODEL', { output: { label: 'ok', confidence: 0.7 } })?.confidence).toBe(0.7)
  expect(decide('FIXED', { confidence: 0.9 })?.confidence).toBe(0.25)
  expect(decide('COMPUTED', { of: 100 })?.confidence).toBe(0.5)
  expect(decide('SORT', { confidence: 'high' })?.confidence).toBeUndefined()
})

test('a choice that was declined is recorded too, through the parents up to who took the event', () => {
  expect(decide('SORT', { confidence: 0.1 })).toEqual({
    options: [
      { target: ['m.sorted'], guard: 'sure', chosen: false },
      { target: [], guard: 'rich', chosen: false },
      { target: [], guard: undefined, chosen: true },
    ],
    confidence: 0.1,
  })
  expect(decide('part.of')?.options.map(({ guard }) => guard)).toEqual(['never', 'rich', undefined])
  const actor = stepperOf(machine, { decisions: true })
  actor.send('BUY')
  expect(actor.step({ type: 'BUY', force: true }).decision?.options).toEqual([
    { target: ['m.refused.deep'], guard: 'never', chosen: false },
    { target: ['m.idle'], guard: 'never', chosen: false },
    { target: ['m.idle'], guard: '(inline)', chosen: true },
  ])
})

test('what follows by itself is part of the record', () => {
  expect(decide('ALWAYS')).toEqual({
    options: [
      { target: ['m.bought'], guard: 'rich', chosen: false },
      { target: ['m.refused'], guard: '(inline)', chosen: true },
    ],
  })
})

test('without a guard there is no choice, and without the wish there is no record', () => {
  expect(decide('PLAIN')).toBeUndefined()
  expect(stepperOf(machine).step({ type: 'BUY' }).decision).toBeUndefined()
})
