/** Pending timers and remembered history carry names of the definition that made them: after it changed they get the present ones. */
import { describe, expect, test } from 'vitest'
import { type Book, type Timer } from '#protocol/state.ts'
import { type Blueprint } from '#runtime/core/blueprint.ts'
import { eventStep, hydrate } from '#runtime/core/machine.ts'
import { migrate } from '#runtime/core/migrate.ts'
import { aroundOf } from '#test/support/machines/around.ts'
import { define, stored, timer, timers } from '#test/support/machines/stored-states.ts'

describe('pending timers are given the name that they have now', () => {
  const after = (delays: object, id = 'm', more: object = {}) =>
    define({ id, initial: 'w', states: { w: { after: delays, ...more }, z: {} } })
  const names = (blueprint: Blueprint, book: Book, value: unknown = 'w') =>
    migrate(blueprint, stored(value, {}, book)).book.timers

  test('after the machine got another id', () => {
    const now = { ...timer('xstate.after.1000.shop.order.w'), name: 'xstate.after.1000.shop.order.w' }
    expect(
      names(
        after({ 1000: 'z', soon: 'z' }, 'shop.order'),
        timers('xstate.after.1000.m.w', 'xstate.after.soon.m.w', 'mine'),
      ),
    ).toEqual({
      'xstate.after.1000.shop.order.w': now,
      'xstate.after.soon.shop.order.w': {
        ...now,
        name: 'xstate.after.soon.shop.order.w',
        event: { type: 'xstate.after.soon.shop.order.w' },
      },
      mine: timer('mine'),
    })
  })

  test('after the delay changed, keeping the instant', () => {
    expect(names(after({ 2000: 'z' }), timers('xstate.after.1000.m.w'))).toEqual({
      'xstate.after.2000.m.w': { ...timer('xstate.after.2000.m.w'), due: 777 },
    })
    expect(
      names(after({ 2000: 'z', soon: 'z' }), timers('xstate.after.1000.m.w', 'xstate.after.soon.m.w')),
    ).toHaveProperty(['xstate.after.2000.m.w'])
  })

  test('after the state got an id of its own', () => {
    expect(names(after({ 1000: 'z' }, 'm', { id: 'waiting' }), timers('xstate.after.1000.m.w'))).toHaveProperty([
      'xstate.after.1000.waiting',
    ])
  })

  test('the renamed timer does what the old one did', () => {
    const blueprint = after({ 2000: 'z' })
    const state = migrate(blueprint, stored('w', {}, timers('xstate.after.1000.m.w')))
    const live = hydrate(blueprint, state.snapshot, aroundOf())
    const [pending] = Object.values(state.book.timers ?? {})
    expect(eventStep(blueprint, live, (pending as Timer).event, aroundOf()).snapshot).toMatchObject({ value: 'z' })
  })

  test('one that nobody waits for is dropped', () => {
    expect(
      migrate(define({ initial: 'w', states: { w: {} } }), stored('w', {}, timers('xstate.after.1000.m.w'))).book,
    ).toEqual({})
  })

  test('one that could be several is named', () => {
    expect(() => names(after({ 2000: 'z', 3000: 'z' }), timers('xstate.after.1000.m.w'))).toThrow(
      'its timer "xstate.after.1000.m.w" could be any of several delays',
    )
  })

  test("those of a child to another actor are nobody's business here", () => {
    const book = { timers: { x: { ...timer('xstate.after.1000.gone.w'), to: 'other/1' as const } } }
    expect(names(after({ 2000: 'z' }), book)).toEqual(book.timers)
  })
})

describe('history', () => {
  const config = (id: string) => ({
    id,
    initial: 'on',
    states: {
      on: {
        initial: 'a',
        states: { a: {}, b: { initial: 'b1', states: { b1: {}, b2: {} } }, h: { type: 'history', history: 'deep' } },
        on: { OFF: 'off' },
      },
      off: { on: { ON: 'on.h' } },
    },
  })

  test('is found again after the machine got another id', () => {
    const blueprint = define(config('shop.order'))
    const state = migrate(blueprint, stored('off', { history: { 'm.on.h': ['m.on.b.b2'] } }))
    expect(state.snapshot.history).toEqual({ 'shop.order.on.h': ['shop.order.on.b.b2'] })
    expect(
      eventStep(blueprint, hydrate(blueprint, state.snapshot, aroundOf()), { type: 'ON' }, aroundOf()).snapshot,
    ).toMatchObject({ value: { on: { b: 'b2' } } })
  })

  test('of a history that is gone is dropped, to a state that is gone is a fault', () => {
    expect(
      migrate(define({ initial: 'off', states: { off: {} } }), stored('off', { history: { 'm.on.h': ['m.on.a'] } }))
        .snapshot.history,
    ).toEqual({})
    expect(() => migrate(define(config('m')), stored('off', { history: { 'm.on.h': ['m.on.gone'] } }))).toThrow(
      '"m.on.gone", which its history remembers, does not exist',
    )
  })
})
