/** Snapshots as they are stored: small, whole, and independent of how their bytes were kept. */
import { expect, test } from 'vitest'
import { type AnyMachineSnapshot, type AnyStateNode, fromTransition, setup } from 'xstate'
import { actor } from '#protocol/actor.ts'
import { Ref } from '#protocol/codec.ts'
import type { StoredSnapshot } from '#protocol/state.ts'
import { blueprintOf } from '#runtime/core/blueprint.ts'
import type { LiveSnapshot } from '#runtime/core/machine-step.ts'
import { dehydrate, eventStep, hydrate } from '#runtime/core/machine.ts'
import { aroundOf } from '#test/support/machines/around.ts'
import { types } from '#test/support/machines/scenario.ts'
import { scenarios } from '#test/support/machines/set.ts'
import { stepperOf } from '#test/support/machines/stepper.ts'

const regions = setup({ types }).createMachine({
  type: 'parallel',
  states: {
    a: { initial: 'x', states: { x: { on: { A: 'y' } }, y: {} } },
    b: { initial: 'x', tags: 'b', states: { x: { on: { B: 'y' } }, y: {} } },
  },
})

const nodesOf = (snapshot: LiveSnapshot): string[] =>
  (snapshot as AnyMachineSnapshot)._nodes.map(({ id }: AnyStateNode) => id)

test('no order is stored for a configuration that stands in the order of its document', () => {
  for (const { make, input } of scenarios) {
    const { blueprint, last } = stepperOf(
      make(() => {}),
      { input },
    )
    expect(dehydrate(blueprint, last.snapshot).order).toBeUndefined()
  }
})

test('the order of regions is stored once they came to rest in another one, as a few small numbers', () => {
  const actor = stepperOf(regions)
  actor.send('A')
  expect(dehydrate(actor.blueprint, actor.last.snapshot).order).toEqual([0, 1, 4, 5, 3])
})

test('the order counts, and not the order of keys in bytes that were put together from differences', () => {
  const actor = stepperOf(regions)
  actor.send('A')
  const { snapshot } = actor.last
  const stored = dehydrate(actor.blueprint, snapshot)
  const { a, b } = stored.value as { a: string; b: string }
  const back = hydrate(actor.blueprint, { ...stored, value: { b, a } }, aroundOf())
  expect(nodesOf(back)).toEqual(nodesOf(snapshot))
  expect(JSON.stringify((back as AnyMachineSnapshot).value)).toBe(
    JSON.stringify((snapshot as AnyMachineSnapshot).value),
  )
  expect((back as AnyMachineSnapshot).hasTag('b')).toBe(true)
})

test('what came back is a snapshot in every respect, with the children that its book knows', () => {
  const actor = stepperOf(regions)
  const kid = new Ref('kind/key~kid~1', 'kid')
  const stored = dehydrate(actor.blueprint, actor.last.snapshot)
  const back = hydrate(actor.blueprint, stored, aroundOf('kind/key', { children: { kid } })) as AnyMachineSnapshot
  expect(Object.keys(back).sort()).toEqual(Object.keys(actor.last.snapshot).sort())
  expect([back.matches({ a: 'x' }), back.can({ type: 'A' }), back.can({ type: 'NO' })]).toEqual([true, true, false])
  expect(back.children).toEqual({ kid })
  expect(dehydrate(actor.blueprint, back as LiveSnapshot)).toEqual(stored)
})

test('two actors in one configuration share nothing that a step changes', () => {
  const { blueprint } = stepperOf(regions)
  const stored = (n: number): StoredSnapshot => ({
    status: 'active',
    value: { a: 'x', b: 'x' },
    context: { n },
    history: undefined,
    output: undefined,
    error: undefined,
  })
  const one = hydrate(blueprint, stored(1), aroundOf())
  const two = hydrate(blueprint, stored(2), aroundOf())
  const next = eventStep(blueprint, one, { type: 'A' }, aroundOf()).snapshot as AnyMachineSnapshot
  expect([next.context, next.value]).toEqual([{ n: 1 }, { a: 'y', b: 'x' }])
  expect(two).toMatchObject({ context: { n: 2 }, value: { a: 'x', b: 'x' } })
})

test('an end is stored with its output or its error', () => {
  const machine = setup({ types }).createMachine({
    initial: 'a',
    states: { a: { on: { END: 'z' } }, z: { type: 'final' } },
    output: () => ({ total: 3 }),
  } as never)
  const actor = stepperOf(machine)
  actor.send('END')
  expect(dehydrate(actor.blueprint, actor.last.snapshot)).toEqual({
    status: 'done',
    value: 'z',
    context: {},
    history: undefined,
    output: { total: 3 },
    error: undefined,
  })
  const error = new Error('unheard')
  const failing = stepperOf(regions)
  failing.step({ type: 'xstate.error.actor.nobody', error, actorId: 'nobody' })
  expect(dehydrate(failing.blueprint, failing.last.snapshot)).toMatchObject({ status: 'error', error })
})

test('transition logic is stored by its context, and anything more it might keep is refused', () => {
  const tally = blueprintOf(
    actor(
      'tally',
      fromTransition((n: number) => n + 1, 5),
    ),
  )
  const stored: StoredSnapshot = {
    status: 'active',
    value: null,
    context: 5,
    history: undefined,
    output: undefined,
    error: undefined,
  }
  const live = hydrate(tally, stored, aroundOf())
  expect(dehydrate(tally, live)).toEqual(stored)
  expect(eventStep(tally, live, { type: 'X' }, aroundOf()).snapshot).toMatchObject({ context: 6 })
  expect(() => dehydrate(tally, { ...live, secret: 1 } as never)).toThrow(
    'a field "secret" besides status, context, output and error',
  )
})

test('a state that the machine does not know is a fault that names it', () => {
  const { blueprint } = stepperOf(regions)
  const stored: StoredSnapshot = {
    status: 'active',
    value: { a: 'gone', b: 'x' },
    context: {},
    history: undefined,
    output: undefined,
    error: undefined,
  }
  expect(() => hydrate(blueprint, stored, aroundOf())).toThrow(
    expect.objectContaining({ code: 'actor.unmigrated', message: expect.stringContaining("'gone'") }),
  )
})
