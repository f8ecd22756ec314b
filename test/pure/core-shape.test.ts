/** Shapes of definitions: equal where stored states cannot tell them apart, and compared by name where they can. */
import { describe, expect, test } from 'vitest'
import { type AnyActorLogic, assign, fromCallback, fromPromise, fromTransition, setup } from 'xstate'
import { actor } from '#protocol/actor.ts'
import { decode, encode } from '#protocol/codec.ts'
import { blueprintOf } from '#runtime/core/blueprint.ts'
import { compareShapes, type Difference, hashOf, type Shape, shapeOf } from '#runtime/core/shape.ts'
import { types } from '#test/support/machines/scenario.ts'
import { scenarios } from '#test/support/machines/set.ts'

const work = fromPromise(async () => 1)
const define = (config: object, more: object = {}): AnyActorLogic =>
  setup({
    types,
    actors: { work },
    delays: { soon: 5, computed: () => 1 },
    actions: { note: () => {} },
    ...more,
  }).createMachine({ id: 'm', ...config } as never)

const states = {
  idle: { on: { GO: 'busy' } },
  busy: {
    entry: 'note',
    after: { 1000: 'idle', soon: 'idle' },
    invoke: { id: 'w', src: 'work' },
    on: { STOP: 'idle' },
  },
}
const base = define({ initial: 'idle', states })

function differences(next: AnyActorLogic, old: AnyActorLogic = base): Pick<Difference, 'what' | 'path' | 'breaking'>[] {
  return compareShapes(shapeOf(old), shapeOf(next)).map(({ what, path, breaking }) => ({ what, path, breaking }))
}

const sentences = (next: AnyActorLogic, old: AnyActorLogic = base): string =>
  compareShapes(shapeOf(old), shapeOf(next))
    .map(({ sentence }) => sentence)
    .join(' ')

describe('the hash', () => {
  test('is the same for the same structure, whatever its functions are', () => {
    const other = define(
      { initial: 'idle', states, context: () => ({ other: true }) },
      { actions: { note: () => void 0 }, actors: { work: fromPromise(async () => 'else') } },
    )
    expect(hashOf(shapeOf(other))).toBe(hashOf(shapeOf(base)))
    expect(blueprintOf(actor('k', base)).hash).toBe(hashOf(shapeOf(base)))
    expect(hashOf(shapeOf(base))).toMatch(/^[0-9a-f]{16}$/)
  })

  test.each<[string, object, object?]>([
    ['a state more', { initial: 'idle', states: { ...states, more: {} } }],
    ['another initial state', { initial: 'busy', states }],
    [
      'another delay',
      { initial: 'idle', states: { ...states, busy: { ...states.busy, after: { 1001: 'idle', soon: 'idle' } } } },
    ],
    ['another machine id', { id: 'n', initial: 'idle', states }],
    ['another entry action', { initial: 'idle', states: { ...states, busy: { ...states.busy, entry: 'other' } } }],
    ['an assign more', { initial: 'idle', entry: assign({ n: 1 }), states }],
    ['another target', { initial: 'idle', states: { ...states, idle: { on: { GO: 'idle' } } } }],
    ['a guard', { initial: 'idle', states: { ...states, idle: { on: { GO: { guard: 'g', target: 'busy' } } } } }],
    ['a tag', { initial: 'idle', states: { ...states, idle: { ...states.idle, tags: 'x' } } }],
    [
      'another invocation',
      { initial: 'idle', states: { ...states, busy: { ...states.busy, invoke: { id: 'w2', src: 'work' } } } },
    ],
    ['a named actor more', { initial: 'idle', states }, { actors: { work, other: work } }],
    ['another named delay', { initial: 'idle', states }, { delays: { soon: 6, computed: () => 1 } }],
  ])('differs for %s', (_, config, more) => {
    expect(hashOf(shapeOf(define(config, more)))).not.toBe(hashOf(shapeOf(base)))
  })

  test('no two machines of the conformance set share one by accident', () => {
    const shapes = scenarios.map(({ make }) => shapeOf(make(() => {})))
    const texts = new Set(shapes.map((shape) => JSON.stringify(shape)))
    expect(new Set(shapes.map(hashOf)).size).toBe(texts.size)
  })
})

test('a shape is plain data: it can be stored, and is then the same', () => {
  for (const { make } of scenarios) {
    const shape = shapeOf(make(() => {}))
    const read = decode(encode(shape)) as Shape
    expect(JSON.stringify(read)).toBe(JSON.stringify(shape))
    expect(compareShapes(read, shape)).toEqual([])
  }
})

describe('what changed is named', () => {
  const withStates = (more: object, rest: object = {}) =>
    define({ initial: 'idle', states: { ...states, ...more }, ...rest })

  test('nothing, when nothing did', () => {
    expect(differences(define({ initial: 'idle', states }))).toEqual([])
    expect(
      differences(withStates({ idle: { on: { GO: { target: 'busy', actions: 'note' }, MORE: 'busy' } }, extra: {} })),
    ).toEqual([])
  })

  test('a state that is gone, with a guess where it went', () => {
    const next = define({ initial: 'idle', states: { idle: { on: { GO: 'working' } }, working: {} } })
    expect(differences(next)).toEqual([{ what: 'state', path: 'busy', breaking: true }])
    expect(sentences(next)).toContain(
      '"busy" is gone: an actor that stands in it has nowhere to be. Perhaps it is called "working" now',
    )
  })

  test('a leaf that became compound, and the other way round', () => {
    const deep = (entry?: string) =>
      withStates({ idle: { initial: 'x', states: { x: entry === undefined ? {} : { entry } }, on: { GO: 'busy' } } })
    expect(differences(deep('note'))).toEqual([{ what: 'state', path: 'idle', breaking: true }])
    expect(sentences(deep('note'))).toContain('entry actions, timers and invocations would be skipped')
    expect(differences(deep())).toEqual([{ what: 'state', path: 'idle', breaking: false }])
    expect(differences(base, deep('note'))).toEqual([{ what: 'state', path: 'idle', breaking: true }])
  })

  test('a delay that changed, and whether its timers know what they are now', () => {
    const after = (delays: object) => withStates({ busy: { ...states.busy, after: delays } })
    expect(differences(after({ 2000: 'idle', soon: 'idle' }))).toEqual([
      { what: 'delay', path: 'busy', breaking: false },
    ])
    expect(sentences(after({ 2000: 'idle', soon: 'idle' }))).toContain('become "2000" and keep their instant')
    expect(differences(after({ 2000: 'idle', 3000: 'idle', soon: 'idle' }))).toEqual([
      { what: 'delay', path: 'busy', breaking: true },
    ])
    expect(differences(after({}))).toEqual([
      { what: 'delay', path: 'busy', breaking: false },
      { what: 'delay', path: 'busy', breaking: false },
    ])
    expect(differences(after({ 1000: 'idle', soon: 'idle', 7: 'idle' }))).toEqual([
      { what: 'delay', path: 'busy', breaking: false },
    ])
    expect(differences(define({ initial: 'idle', states }, { delays: { soon: 9, computed: () => 1 } }))).toEqual([
      { what: 'delay', path: '', breaking: false },
    ])
  })

  test('ids: of the machine, of a state, of a history', () => {
    const dated = (id: string, historyId: string, machineId = 'm') =>
      define({
        id: machineId,
        initial: 'a',
        states: { a: { id, initial: 'x', states: { x: {}, h: { type: 'history', id: historyId } } }, b: {} },
      })
    expect(differences(dated('A', 'H', 'n'), dated('A', 'H'))).toEqual([{ what: 'id', path: '', breaking: false }])
    expect(differences(dated('B', 'H'), dated('A', 'H'))).toEqual([{ what: 'id', path: 'a', breaking: false }])
    expect(differences(dated('A', 'I'), dated('A', 'H'))).toEqual([{ what: 'id', path: 'a.h', breaking: true }])
  })

  test('actors that are gone or of another kind, and invocations under another id', () => {
    const having = (actors: object) => define({ initial: 'idle', states: { idle: {}, busy: {} } }, { actors })
    expect(differences(having({}), having({ work }))).toEqual([{ what: 'actor', path: '', breaking: true }])
    expect(differences(having({ work: fromTransition((s: number) => s, 0) }), having({ work }))).toEqual([
      { what: 'actor', path: '', breaking: true },
    ])
    expect(differences(having({ work: fromCallback(() => {}) }), having({ work }))).toEqual([])
    expect(differences(withStates({ busy: { ...states.busy, invoke: { id: 'v', src: 'work' } } }))).toEqual([
      { what: 'invoke', path: 'busy', breaking: true },
    ])
  })

  test('a region more, and what it would skip', () => {
    const regions = (more: object) =>
      define({ type: 'parallel', states: { a: { initial: 'x', states: { x: {} } }, ...more } })
    expect(differences(regions({ b: { initial: 'x', states: { x: {} } } }), regions({}))).toEqual([
      { what: 'state', path: '', breaking: false },
    ])
    expect(differences(regions({ b: { initial: 'x', states: { x: { entry: 'note' } } } }), regions({}))).toEqual([
      { what: 'state', path: '', breaking: true },
    ])
    expect(differences(regions({}), regions({ b: {} }))).toEqual([{ what: 'state', path: 'b', breaking: true }])
  })

  test('a machine that is none any more', () => {
    const logic = fromTransition((state: number) => state, 0)
    expect(differences(logic)).toEqual([{ what: 'logic', path: '', breaking: true }])
    expect(differences(base, logic)).toEqual([{ what: 'logic', path: '', breaking: true }])
    expect(
      differences(
        logic,
        fromTransition((state: number) => state + 1, 5),
      ),
    ).toEqual([])
  })
})
