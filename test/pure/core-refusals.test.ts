/** What cannot be made durable is refused, when a kind is registered or else when it happens, and says what to write instead. */
import { describe, expect, test } from 'vitest'
import {
  type AnyActorLogic,
  assign,
  enqueueActions,
  fromCallback,
  fromObservable,
  fromPromise,
  fromTransition,
  raise,
  setup,
  spawnChild,
  stopChild,
} from 'xstate'
import { actor } from '#protocol/actor.ts'
import type { Fault } from '#protocol/fault.ts'
import { blueprintOf } from '#runtime/core/blueprint.ts'
import { types } from '#test/support/machines/scenario.ts'

const work = fromPromise(async () => 1)
const actors = { work, child: setup({ types }).createMachine({}) }
const inline = () => {}
const machine = (config: object, more: object = {}): AnyActorLogic =>
  setup({ types, actors, ...more }).createMachine({ id: 'm', context: { n: 0 }, ...config } as never)
const one = (actions: unknown) => machine({ initial: 'a', states: { a: { on: { GO: { actions } } } } })

function caught(act: () => unknown): unknown {
  try {
    act()
  } catch (error) {
    return error
  }
  throw new Error('nothing was thrown')
}

const refused = (logic: AnyActorLogic): string => {
  const fault = caught(() => blueprintOf(actor('kind', logic)))
  expect(fault).toMatchObject({ code: 'kind.refused' })
  return (fault as Fault).message
}

describe('refused when registered', () => {
  test.each([
    ['an entry action', machine({ entry: inline }), 'the entry of the machine "m" runs the function "inline" inline'],
    ['an exit action', machine({ initial: 'a', states: { a: { exit: [inline] } } }), 'the exit of the state "a"'],
    ['a transition', one(function ship() {}), '"GO" in the state "a" runs the function "ship" inline'],
    ['an arrow without a name', one(() => {}), '"GO" in the state "a" runs a function inline'],
    [
      'an eventless transition',
      machine({ initial: 'a', states: { a: { always: { guard: () => false, actions: inline } } } }),
      'an "always" of the state "a"',
    ],
    [
      'a delayed transition',
      machine({ initial: 'a', states: { a: { after: { 10: { actions: inline } } } } }),
      '"xstate.after.10.m.a" in the state "a"',
    ],
    [
      'an initial transition',
      machine({ initial: { target: 'a', actions: inline }, states: { a: {} } }),
      'the initial transition of the machine "m"',
    ],
    [
      'what follows an invocation',
      machine({ invoke: { src: 'work', onDone: { actions: inline } } }),
      '"xstate.done.actor.0.m"',
    ],
    [
      'what follows the end of a state',
      machine({
        initial: 'a',
        states: { a: { initial: 'b', states: { b: { type: 'final' } }, onDone: { actions: inline } } },
      }),
      '"xstate.done.state.m.a"',
    ],
  ])('an inline function in %s', (_, logic, sentence) => {
    const message = refused(logic)
    expect(message).toContain(sentence)
    expect(message).toContain('name it in setup({ actions: { … } })')
  })

  test.each([
    [
      'invoked logic without a name',
      machine({ invoke: { src: fromPromise(async () => 1) } }),
      'the machine "m" invokes logic that has no name',
    ],
    [
      'invoked logic that is not there',
      machine({ invoke: { src: 'nobody' } }),
      'invokes "nobody", which is not a named actor',
    ],
    [
      'spawned logic without a name',
      one(
        spawnChild(
          fromCallback(() => {}),
          { id: 'x' },
        ),
      ),
      '"GO" in the state "a" spawns logic that has no name',
    ],
    ['spawned logic that is not there', one(spawnChild('nobody')), 'spawns "nobody", which is not a named actor'],
    [
      'an assign that spawns',
      one(assign(({ spawn }: any) => ({ ref: spawn('child') }))),
      'an assign in "GO" in the state "a" spawns an actor',
    ],
    [
      'one property of an assign that spawns',
      one(assign({ n: 1, ref: (args: any) => args.spawn('child') })),
      'an assign in "GO"',
    ],
    [
      'a context that spawns',
      machine({ context: ({ spawn }: any) => ({ ref: spawn('child') }) }),
      'the context of "m" spawns an actor',
    ],
    [
      'a named assign that spawns',
      machine({ entry: 'bear' }, { actions: { bear: assign({ ref: ({ spawn }: any) => spawn('child') }) } }),
      'an assign in the action "bear" spawns',
    ],
    [
      'a named spawn of nobody',
      machine({ entry: 'bear' }, { actions: { bear: spawnChild('nobody') } }),
      'the action "bear" spawns "nobody"',
    ],
    [
      'an actor that is no logic',
      machine({}, { actors: { fetch: async () => 1 } }),
      'the actor "fetch" is not XState logic',
    ],
    ['a promise as a root', work, 'wrap it in a machine that invokes it'],
    ['a callback as a root', fromCallback(() => {}), 'wrap it in a machine that invokes it'],
    ['an observable as a root', fromObservable((() => ({})) as never), 'wrap it in a machine that invokes it'],
    ['something else as a root', { on: {} } as never, 'neither an XState machine nor transition logic'],
  ])('%s', (_, logic, sentence) => {
    expect(refused(logic as AnyActorLogic)).toContain(sentence)
  })

  test('in a child and in a grandchild, with the way that leads there', () => {
    const grandchild = machine({ entry: inline })
    const child = machine({}, { actors: { grandchild } })
    expect(refused(machine({}, { actors: { child } }))).toContain(
      'in the actor "child", in the actor "grandchild", the entry of the machine "m" runs',
    )
  })

  test('every problem is named, each once', () => {
    const message = refused(machine({ entry: inline, exit: function ship() {}, invoke: { src: 'nobody' } }))
    for (const part of ['"inline"', '"ship"', '"nobody"']) expect(message.split(part)).toHaveLength(2)
  })
})

test.each([
  [
    'inline functions that decide but do not act',
    machine({
      context: ({ input }: any) => ({ n: input }),
      initial: 'a',
      states: {
        a: {
          always: { guard: () => false, target: 'a' },
          after: { 10: { guard: () => true, target: 'a' } },
          invoke: { src: 'work', input: () => 1 },
        },
      },
      output: () => 1,
    }),
  ],
  [
    "XState's own action creators",
    one([
      assign({ n: 1 }),
      raise({ type: 'A' }),
      spawnChild('work', { id: () => 'x' }),
      stopChild('x'),
      enqueueActions(({ enqueue }) => enqueue.assign({ n: 2 })),
    ]),
  ],
  ['a function that is the implementation of its own name', machine({ entry: inline }, { actions: { inline } })],
  ['an action that nobody implemented', machine({ entry: 'later' })],
  [
    'an assign that speaks of spawning',
    one([
      assign({ n: ({ event }: any) => event.spawn }),
      assign(({ context }: any) => ({ spawnChild: context.spawn, text: "spawn('x')" })),
    ]),
  ],
  [
    'a machine that names itself through another',
    (() => {
      const a = machine({}, { actors: {} }) as any
      const b = a.provide({ actors: { a } })
      a.implementations.actors.b = b
      return b
    })(),
  ],
  ['transition logic', fromTransition((state: number) => state, 0)],
])('not refused: %s', (_, logic) => {
  expect(blueprintOf(actor('kind', logic as AnyActorLogic)).kind).toBe('kind')
})
