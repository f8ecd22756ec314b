/** Children of a step, references to others, and what counts as handled. */
import { describe, expect, test } from 'vitest'
import { assign, emit, fromCallback, fromPromise, fromTransition, sendTo, setup, spawnChild, stopChild } from 'xstate'
import { Ref } from '#protocol/codec.ts'
import { type Stepper, stepperOf } from '#test/support/machines/stepper.ts'
import { types } from '#test/support/machines/scenario.ts'

const child = setup({ types }).createMachine({})
const actors = {
  child,
  work: fromPromise(async () => 1),
  tally: fromTransition((state: number) => state, 0),
  echo: fromCallback(() => {}),
}
const on = (actions: unknown) =>
  setup({
    types,
    actors,
    delays: { soon: 30, patience: ({ event }: any) => event.ms },
    actions: { note: () => {} },
  }).createMachine({ context: { n: 1 }, on: { GO: { actions } } } as never)
const go = (actions: unknown, more: Parameters<typeof stepperOf>[1] = {}, fields = {}) =>
  stepperOf(on(actions), more).send('GO', fields)
const self = new Ref('kind/key')
const childrenOf = ({ last }: Stepper): object => (last.snapshot as unknown as { children: object }).children

describe('children', () => {
  test('machines and transition logic become actors, the rest effects', () => {
    const actions = go(
      [
        spawnChild('child', { id: 'a', input: { x: 1 } }),
        spawnChild('tally', { id: 'b', syncSnapshot: true }),
        spawnChild('work', { id: 'c', systemId: 'sys' }),
        spawnChild('echo', { id: ({ event }: any) => `d-${event.n}` }),
      ],
      {},
      { n: 4 },
    )
    expect(actions).toEqual([
      { do: 'spawn', as: 'actor', id: 'a', src: 'child', input: { x: 1 }, systemId: undefined, sync: false, spawn: 1 },
      { do: 'spawn', as: 'actor', id: 'b', src: 'tally', input: undefined, systemId: undefined, sync: true, spawn: 2 },
      { do: 'spawn', as: 'effect', id: 'c', src: 'work', input: undefined, systemId: 'sys', sync: false, spawn: 3 },
      {
        do: 'spawn',
        as: 'effect',
        id: 'd-4',
        src: 'echo',
        input: undefined,
        systemId: undefined,
        sync: false,
        spawn: 4,
      },
    ])
  })

  test('the numbers of spawns go on, and children without an id are named after them', () => {
    const actor = stepperOf(on([spawnChild('child'), spawnChild('child')]))
    const first = actor.send('GO')
    const second = actor.send('GO')
    expect(
      [...first, ...second].map((action) => [(action as { id: string }).id, (action as { spawn: number }).spawn]),
    ).toEqual([
      ['x:1', 1],
      ['x:2', 2],
      ['x:3', 3],
      ['x:4', 4],
    ])
    expect(Object.keys(actor.around.children)).toEqual(['x:1', 'x:2', 'x:3', 'x:4'])
    expect(Object.keys(childrenOf(actor))).toEqual(['x:1', 'x:2', 'x:3', 'x:4'])
  })

  test('a child is there before it is sent to, and knows no actor object', () => {
    const actor = stepperOf(on([sendTo(({ system }: any) => system.get('s') ?? 'later', { type: 'never' })]), {
      children: { later: new Ref('kind/key~later~1', 'later') },
    })
    expect(actor.send('GO')).toHaveLength(1)
    const invoking = setup({ types, actors }).createMachine({
      entry: sendTo('kid', { type: 'HI' }),
      invoke: { id: 'kid', src: 'child', systemId: 's' },
    })
    const { last, around } = stepperOf(invoking)
    const ref = new Ref('kind/key~kid~1', 'kid', 's')
    expect(last.actions).toEqual([
      { do: 'spawn', as: 'actor', id: 'kid', src: 'child', input: undefined, systemId: 's', sync: false, spawn: 1 },
      { do: 'send', to: ref, event: { type: 'HI' } },
    ])
    expect(last.snapshot).toMatchObject({ children: { kid: ref } })
    expect(around.lookup('s')).toEqual(ref)
  })

  test('a child that is spawned and stopped in one step never was', () => {
    expect(
      go([
        spawnChild('child', { id: 'a' }),
        sendTo('a', { type: 'X' }),
        stopChild('a'),
        spawnChild('work', { id: 'b' }),
      ]),
    ).toMatchObject([{ do: 'spawn', id: 'b', spawn: 1 }])
  })

  test('not even when its reference was asked for in between', () => {
    const asked = assign(({ system }: any) => ({ ref: system.get('s').id }))
    expect(
      go([spawnChild('child', { id: 'a', systemId: 's' }), asked, sendTo('a', { type: 'X' }), stopChild('a')]),
    ).toEqual([])
  })

  test('what one actor stopped is not gone for the next one that steps', () => {
    const kid = new Ref('kind/key~kid~1', 'kid', 's')
    go(stopChild('kid'), { children: { kid }, lookup: () => kid })
    expect(
      go(
        sendTo(({ system }: any) => system.get('s'), { type: 'A' }),
        { lookup: () => kid },
      ),
    ).toEqual([{ do: 'send', to: kid, event: { type: 'A' } }])
  })

  test('stopped by id and by reference', () => {
    const kid = new Ref('kind/key~kid~1', 'kid')
    const children = { kid, work: new Ref('kind/key', 'work', undefined, 'e-1') }
    expect(go([stopChild('kid'), stopChild('work'), stopChild('nobody')], { children })).toEqual([
      { do: 'stop', id: 'kid' },
      { do: 'stop', id: 'work' },
    ])
    expect(
      go(
        stopChild(() => kid as never),
        { children },
      ),
    ).toEqual([{ do: 'stop', id: 'kid' }])
    // A child of an earlier spawn ended long ago.
    expect(
      go(
        stopChild(() => new Ref('kind/key~kid~0', 'kid') as never),
        { children },
      ),
    ).toEqual([])
  })

  test('the end of the machine stops them, and leaves none in its snapshot', () => {
    const machine = setup({ types, actors }).createMachine({
      invoke: { id: 'kid', src: 'child' },
      initial: 'a',
      states: { a: { on: { END: 'z' } }, z: { type: 'final' } },
      output: () => 7,
    } as never)
    const actor = stepperOf(machine)
    const { actions, snapshot } = actor.step({ type: 'END' })
    expect(actions).toEqual([{ do: 'stop', id: 'kid' }])
    expect(snapshot).toMatchObject({ status: 'done', output: 7, children: {} })
  })

  test('system ids are looked up, are taken, and are free after their owner was stopped', () => {
    const seen: unknown[] = []
    const actor = stepperOf(
      setup({ types, actors }).createMachine({
        on: {
          START: { actions: spawnChild('child', { id: 'a', systemId: 's' }) },
          AGAIN: { actions: [stopChild('a'), spawnChild('child', { id: 'a', systemId: 's' })] },
          LOOK: { actions: assign(({ system }: any) => void seen.push(system.get('s'), system.getAll())) },
        },
      } as never),
    )
    actor.send('START')
    expect(() => actor.send('START')).toThrow("Actor with system ID 's' already exists.")
    expect(actor.send('AGAIN')).toMatchObject([
      { do: 'stop', id: 'a' },
      { do: 'spawn', id: 'a', systemId: 's', spawn: 2 },
    ])
    actor.send('LOOK')
    const ref = new Ref('kind/key~a~2', 'a', 's')
    expect(seen).toEqual([ref, { s: ref }])
  })
})

describe('what was handled', () => {
  const machine = setup({ types, guards: { never: () => false } }).createMachine({
    initial: 'a',
    on: { ANYWHERE: { actions: emit({ type: 'still here' }) } },
    states: {
      a: { on: { GO: 'b', FORBIDDEN: undefined, EMPTY: {}, NO: { guard: 'never', target: 'b' }, STAY: 'a' } },
      b: { type: 'final' },
    },
  })

  test('an event that no transition takes leaves the very same snapshot', () => {
    const actor = stepperOf(machine)
    const { snapshot } = actor.last
    for (const type of ['UNKNOWN', 'NO']) expect(actor.step({ type })).toMatchObject({ handled: false, actions: [] })
    expect(actor.last.snapshot).toBe(snapshot)
  })

  test('a forbidden event is handled: the state says that nothing is to happen', () => {
    const actor = stepperOf(machine)
    for (const type of ['FORBIDDEN', 'EMPTY', 'STAY']) expect(actor.step({ type }).handled).toBe(true)
  })

  test('a machine that is done takes nothing more', () => {
    const actor = stepperOf(machine)
    const done = actor.step({ type: 'GO' })
    expect(done.snapshot.status).toBe('done')
    for (const type of ['GO', 'ANYWHERE'])
      expect(actor.step({ type })).toEqual({ ...done, handled: false, actions: [] })
  })

  test('transition logic takes every event, and keeps its snapshot when its context stayed the same', () => {
    const actor = stepperOf(
      fromTransition((state: { n: number }, event: any) => (event.type === 'INC' ? { n: state.n + 1 } : state), {
        n: 0,
      }),
    )
    const before = actor.last.snapshot
    expect(actor.step({ type: 'OTHER' })).toMatchObject({ handled: true })
    expect(actor.last.snapshot).toBe(before)
    expect(actor.step({ type: 'INC' }).snapshot).toMatchObject({ context: { n: 1 } })
  })
})

describe('references', () => {
  test('a reference sends within a step and is refused outside of one', () => {
    const logic = fromTransition((state: unknown, _: unknown, { self, system }: any) => {
      self.send({ type: 'ECHO' })
      system.get('log')?.send({ type: 'LINE' })
      return state
    }, null)
    const log = new Ref('log/1', 'log', 'log')
    expect(stepperOf(logic, { lookup: () => log }).send('GO')).toEqual([
      { do: 'send', to: self, event: { type: 'ECHO' } },
      { do: 'send', to: log, event: { type: 'LINE' } },
    ])
    expect(() => log.send({ type: 'LATE' })).toThrow('sends nothing by itself')
  })

  test("its own snapshot is the one before the step, another's is what the surroundings say", () => {
    const seen: unknown[] = []
    const look = assign(
      ({ self, context }: any) => void seen.push(self.getSnapshot().value, context.other.getSnapshot()),
    )
    const machine = setup({ types }).createMachine({
      context: { other: new Ref('other/1') },
      initial: 'a',
      states: { a: { on: { GO: { target: 'b', actions: look } } }, b: {} },
    } as never)
    stepperOf(machine, { snapshotOf: ({ address }) => `of ${address}` }).send('GO')
    expect(seen).toEqual(['a', 'of other/1'])
  })

  test('what lands in a context can be stored', () => {
    const machine = setup({ types, actors }).createMachine({
      context: ({ self }: any) => ({ self }),
      invoke: { id: 'kid', src: 'work', systemId: 's' },
      entry: assign({ kid: ({ system }: any) => system.get('s') ?? null }),
      on: { GO: { actions: assign({ kid: ({ system }: any) => system.get('s') }) } },
    } as never)
    const actor = stepperOf(machine)
    actor.send('GO')
    const { context } = actor.last.snapshot as { context: { self: Ref; kid: Ref } }
    expect(context.self).toBeInstanceOf(Ref)
    expect(context.kid).toBeInstanceOf(Ref)
    expect(Object.keys(context.self)).toEqual(['address', 'id', 'systemId', 'effectId'])
  })
})
