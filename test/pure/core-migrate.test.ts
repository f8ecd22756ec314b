/** Stored states and a definition that went on: taken along where it is sure, named and left whole where it is not. */
import { describe, expect, test } from 'vitest'
import { assign, fromTransition } from 'xstate'
import { actor, type KindOptions } from '#protocol/actor.ts'
import { decode, encode } from '#protocol/codec.ts'
import { decodeState, encodeState, type ActorState } from '#protocol/state.ts'
import { type Blueprint, blueprintOf } from '#runtime/core/blueprint.ts'
import { dehydrate, eventStep, hydrate } from '#runtime/core/machine.ts'
import { migrate } from '#runtime/core/migrate.ts'
import { aroundOf } from '#test/support/machines/around.ts'
import { stepperOf } from '#test/support/machines/stepper.ts'
import { define, stored, timers } from '#test/support/machines/stored-states.ts'

describe('a state that fits', () => {
  const blueprint = define({ initial: 'a', states: { a: {}, b: {} } })

  test('passes through untouched when nothing changed', () => {
    const state = { ...stored('a'), hash: blueprint.hash }
    expect(migrate(blueprint, state)).toBe(state)
  })

  test('takes the present hash and version, and keeps all the rest', () => {
    const state = stored('b', {}, timers('later'))
    expect(migrate(blueprint, state)).toEqual({ ...state, hash: blueprint.hash, version: 1 })
  })

  test('goes through the migrate steps from its version on', () => {
    const step =
      (n: number) =>
      (state: ActorState): ActorState => ({
        ...state,
        snapshot: {
          ...state.snapshot,
          value: n === 3 ? 'b' : state.snapshot.value,
          context: { ...(state.snapshot.context as object), [`v${n}`]: true },
        },
      })
    const next = define(
      { initial: 'a', states: { a: {}, b: {} } },
      { version: 4, migrate: { 1: step(1), 2: step(2), 3: step(3) } },
    )
    expect(migrate(next, stored('gone', {}, {}, 2)).snapshot).toMatchObject({
      value: 'b',
      context: { n: 1, v2: true, v3: true },
    })
    expect(migrate(next, stored('a')).snapshot.context).toEqual({ n: 1, v1: true, v2: true, v3: true })
    expect(migrate(next, stored('a')).version).toBe(4)
  })

  test('a step that nobody wrote changes nothing', () => {
    expect(migrate(define({ initial: 'a', states: { a: {} } }, { version: 9 }), stored('a'))).toMatchObject({
      version: 9,
      snapshot: { value: 'a' },
    })
  })

  test('an ended one is not held to the states that there are', () => {
    expect(migrate(blueprint, stored('gone', { status: 'done', output: 7 }))).toMatchObject({
      hash: blueprint.hash,
      snapshot: { value: 'gone', output: 7 },
    })
  })
})

describe('a state that does not fit is left whole, with the reason', () => {
  const fails = (blueprint: Blueprint, state: ActorState, reason: string): void => {
    const before = structuredClone(state)
    expect(() => migrate(blueprint, state)).toThrow(
      expect.objectContaining({ code: 'actor.unmigrated', message: expect.stringContaining(reason) }),
    )
    expect(state).toEqual(before)
  }

  test('a state that is gone', () =>
    fails(define({ initial: 'a', states: { a: {} } }), stored('gone'), "State 'gone' does not exist on 'm'"))
  test('a leaf where there were states inside', () =>
    fails(define({ initial: 'a', states: { a: {} } }), stored({ a: 'x' }), "State 'x' does not exist on 'm.a'"))
  test('a newer version', () =>
    fails(define({ initial: 'a', states: { a: {} } }), stored('a', {}, {}, 7), 'stored by the newer version 7'))
  test('logic without states', () => {
    const logic = blueprintOf(
      actor(
        'order',
        fromTransition((state: number) => state, 0),
      ),
    )
    fails(logic, stored('a'), 'its logic has no states now')
    fails(define({ initial: 'a', states: { a: {} } }), stored(null), 'its logic is a machine now')
  })
  test('a migrate step that throws, or forgets to return', () => {
    const options = (step: () => never): KindOptions => ({ version: 2, migrate: { 1: step } })
    fails(
      define(
        { initial: 'a', states: { a: {} } },
        options(() => {
          throw new Error('no price')
        }),
      ),
      stored('a'),
      'from version 1 threw: no price',
    )
    fails(
      define(
        { initial: 'a', states: { a: {} } },
        options(() => undefined as never),
      ),
      stored('a'),
      'did not return a state',
    )
  })
  test('a leaf that became compound, when its entry would be skipped', () => {
    const deep = (inner: object) =>
      define({ initial: 'a', states: { a: { initial: 'x', states: { x: inner, y: {} } } } })
    fails(deep({ entry: 'note' }), stored('a'), 'put into "a.x" without its entry actions')
    fails(deep({ after: { 10: 'y' } }), stored('a'), 'put into "a.x"')
    fails(deep({ invoke: { src: 'work' } }), stored('a'), 'put into "a.x"')
    expect(migrate(deep({}), stored('a')).snapshot.value).toEqual({ a: 'x' })
    expect(migrate(deep({ entry: 'note' }), stored({ a: 'x' })).snapshot.value).toEqual({ a: 'x' })
  })
  test('a region that is new, when its entry would be skipped', () => {
    const regions = (inner: object) =>
      define({
        type: 'parallel',
        states: { p: { initial: 'x', states: { x: {} } }, q: { initial: 'x', states: { x: inner } } },
      })
    fails(regions({ entry: 'note' }), stored({ p: 'x' }), 'put into "q.x"')
    expect(migrate(regions({}), stored({ p: 'x' })).snapshot.value).toEqual({ p: 'x', q: 'x' })
  })
  test('a child or a pending action without a name', () => {
    const child = { src: 'work', spawn: 1, address: undefined, effect: 'e', sync: false }
    const none = define({ initial: 'a', states: { a: {} } }, {}, { actors: {} })
    fails(none, stored('a', {}, { children: { w: child } }), 'runs the actor "work", which the machine no longer names')
    fails(
      define({ initial: 'a', states: { a: {} } }),
      stored('a', {}, { children: { w: { ...child, address: 'order/1~w~1', effect: undefined } } }),
      'another kind of logic',
    )
    fails(
      define({ initial: 'a', states: { a: { invoke: { src: 'work' } } } }),
      stored('a', {}, { children: { '0.old.a': child } }),
      'no invocation has that id',
    )
    const effect = {
      id: 'e',
      name: 'gone',
      is: 'action',
      input: undefined,
      child: undefined,
      attempt: 1,
      begunAt: 0,
      notBefore: 0,
      deadline: undefined,
      sync: false,
      taken: 0,
    } as const
    fails(
      define({ initial: 'a', states: { a: {} } }),
      stored('a', {}, { effects: { e: effect } }),
      'its pending action "gone" is gone',
    )
  })
})

test('a stored state survives its bytes and a new definition of the same shape', () => {
  const config = {
    type: 'parallel',
    context: { trace: [] },
    states: {
      a: {
        initial: 'x',
        states: {
          x: { on: { A: 'y' } },
          y: {
            always: {
              guard: ({ event }: any) => event.type === 'F',
              target: 'x',
              actions: assign({ trace: ({ context }: any) => [...context.trace, 'a'] }),
            },
          },
        },
      },
      b: {
        initial: 'x',
        states: {
          x: { on: { B: 'y' } },
          y: {
            always: {
              guard: ({ event }: any) => event.type === 'F',
              target: 'x',
              actions: assign({ trace: ({ context }: any) => [...context.trace, 'b'] }),
            },
          },
        },
      },
    },
  }
  const old = define(config)
  const actor = stepperOf(old.logic)
  actor.send('B')
  actor.send('A')
  const bytes = encodeState({ ...stored(null), hash: old.hash, snapshot: dehydrate(old, actor.last.snapshot) })
  const next = define(config)
  const state = migrate(next, decodeState(bytes))
  expect(eventStep(next, hydrate(next, state.snapshot, aroundOf()), { type: 'F' }, aroundOf()).snapshot).toMatchObject({
    context: { trace: ['b', 'a'] },
  })
  expect(decode(encode(state.snapshot))).toEqual(state.snapshot)
})
