/** Every kind of action as the data that a step hands on, and that none of them is executed. */
import { describe, expect, test } from 'vitest'
import { assign, cancel, emit, enqueueActions, forwardTo, fromCallback, fromPromise, fromTransition, log, raise, sendParent, sendTo, setup, spawnChild, stopChild } from 'xstate'
import { Ref } from '#protocol/codec.ts'
import { type Stepper, stepperOf } from '#test/support/machines/stepper.ts'
import { types } from '#test/support/machines/scenario.ts'

const child = setup({ types }).createMachine({})
const actors = { child, work: fromPromise(async () => 1), tally: fromTransition((state: number) => state, 0), echo: fromCallback(() => {}) }
const on = (actions: unknown) => setup({ types, actors, delays: { soon: 30, patience: ({ event }: any) => event.ms }, actions: { note: () => {} } }).createMachine({ context: { n: 1 }, on: { GO: { actions } } } as never)
const go = (actions: unknown, more: Parameters<typeof stepperOf>[1] = {}, fields = {}) => stepperOf(on(actions), more).send('GO', fields)
const self = new Ref('kind/key')
const childrenOf = ({ last }: Stepper): object => (last.snapshot as unknown as { children: object }).children

describe('sends', () => {
  test('to itself, to its parent, to a child, to a reference from the context', () => {
    const parent = new Ref('boss/1')
    expect(go(sendTo(({ self }: any) => self, { type: 'A' } as never))).toEqual([{ do: 'send', to: self, event: { type: 'A' } }])
    expect(go(sendParent({ type: 'A' }), { parent })).toEqual([{ do: 'send', to: parent, event: { type: 'A' } }])
    expect(go(sendTo('kid', { type: 'A' } as never), { children: { kid: new Ref('kind/key~kid~1', 'kid') } })).toEqual([{ do: 'send', to: new Ref('kind/key~kid~1', 'kid'), event: { type: 'A' } }])
    expect(go(forwardTo(() => new Ref('other/1') as never), {}, { n: 5 })).toEqual([{ do: 'send', to: new Ref('other/1'), event: { type: 'GO', n: 5 } }])
  })

  test('to a reference that went through JSON', () => {
    const sent = JSON.parse(JSON.stringify({ ref: new Ref('other/1') })) as { ref: unknown }
    expect(go(sendTo(({ event }: any) => event.ref, { type: 'A' } as never), {}, sent)).toEqual([{ do: 'send', to: new Ref('other/1'), event: { type: 'A' } }])
  })

  test('later: with the delay by name, by number, by function, and with an id', () => {
    const to = ({ self }: any) => self
    const event = { type: 'A' } as never
    expect(go(sendTo(to, event, { delay: 'soon' } as never))).toEqual([{ do: 'send', to: self, event, delay: 30, delayName: 'soon' }])
    expect(go(sendTo(to, event, { delay: 5 }))).toEqual([{ do: 'send', to: self, event, delay: 5, delayName: '5' }])
    expect(go(sendTo(to, event, { delay: 5, id: 'x' }))).toEqual([{ do: 'send', to: self, event, delay: 5, id: 'x', delayName: 'x' }])
    expect(go(sendTo(to, event, { delay: 'patience' } as never), {}, { ms: 7 })).toEqual([{ do: 'send', to: self, event, delay: 7, delayName: 'patience' }])
    expect(go(sendTo(to, event, { delay: () => -5 }))).toMatchObject([{ delay: 0 }])
    expect(go(sendTo(to, event, { delay: () => Number.NaN }))).toMatchObject([{ delay: 0 }])
  })

  test('a word to the parent about its own failure carries the id under which the parent knows it', () => {
    const actions = go(sendParent({ type: 'xstate.error', data: 'why' }), { self: new Ref('boss/1~me~1', 'me'), parent: new Ref('boss/1') })
    expect(actions).toMatchObject([{ event: { type: 'xstate.error.actor.me', error: 'why', actorId: 'me' } }])
  })
})

describe('delayed events', () => {
  test('what is raised at once is no action, what is raised later is', () => {
    expect(go(raise({ type: 'A' }))).toEqual([])
    expect(go(raise({ type: 'A' }, { delay: 10, id: 'x' }))).toEqual([{ do: 'raise', event: { type: 'A' }, delay: 10, id: 'x', delayName: 'x' }])
    expect(go(raise({ type: 'A' }, { delay: 'soon', id: 'x' } as never))).toEqual([{ do: 'raise', event: { type: 'A' }, delay: 30, id: 'x', delayName: 'soon' }])
  })

  test('without an id each gets one of its own, in every step', () => {
    const machine = on([raise({ type: 'A' }, { delay: 10 }), raise({ type: 'B' }, { delay: 10 })])
    const actor = stepperOf(machine)
    const ids = [...actor.send('GO'), ...actor.send('GO')].map((action) => (action as { id: string }).id)
    expect(new Set(ids).size).toBe(4)
  })

  test('of after: the name as written, numbers as numbers, ids that hold dots', () => {
    const machine = setup({ types, delays: { soon: 30 } }).createMachine({
      id: 'a.b',
      initial: 'x',
      states: { x: { id: 'the.x', after: { soon: 'y', 1e3: 'y' } }, y: { after: { 20: 'x' } } },
    })
    const actor = stepperOf(machine)
    expect(actor.last.actions).toEqual([
      { do: 'raise', event: { type: 'xstate.after.1000.the.x' }, id: 'xstate.after.1000.the.x', delay: 1000, delayName: '1000' },
      { do: 'raise', event: { type: 'xstate.after.soon.the.x' }, id: 'xstate.after.soon.the.x', delay: 30, delayName: 'soon' },
    ])
    expect(actor.send('xstate.after.soon.the.x')).toEqual([
      { do: 'cancel', id: 'xstate.after.1000.the.x' },
      { do: 'cancel', id: 'xstate.after.soon.the.x' },
      { do: 'raise', event: { type: 'xstate.after.20.a.b.y' }, id: 'xstate.after.20.a.b.y', delay: 20, delayName: '20' },
    ])
  })

  test('a delay name does not stick to the next action', () => {
    expect(go([raise({ type: 'A' }, { delay: 'soon', id: 'x' } as never), raise({ type: 'B' }, { delay: 7, id: 'y' })])).toMatchObject([{ delayName: 'soon' }, { delayName: 'y' }])
  })

  test('cancelled, by text and by function', () => {
    expect(go([cancel('x'), cancel(({ event }: any) => event.id)], {}, { id: 'y' })).toEqual([{ do: 'cancel', id: 'x' }, { do: 'cancel', id: 'y' }])
  })
})

describe('children', () => {
  test('machines and transition logic become actors, the rest effects', () => {
    const actions = go([spawnChild('child', { id: 'a', input: { x: 1 } } as never), spawnChild('tally', { id: 'b', syncSnapshot: true }), spawnChild('work', { id: 'c', systemId: 'sys' }), spawnChild('echo', { id: ({ event }: any) => `d-${event.n}` } as never)], {}, { n: 4 })
    expect(actions).toEqual([
      { do: 'spawn', as: 'actor', id: 'a', src: 'child', input: { x: 1 }, systemId: undefined, sync: false, spawn: 1 },
      { do: 'spawn', as: 'actor', id: 'b', src: 'tally', input: undefined, systemId: undefined, sync: true, spawn: 2 },
      { do: 'spawn', as: 'effect', id: 'c', src: 'work', input: undefined, systemId: 'sys', sync: false, spawn: 3 },
      { do: 'spawn', as: 'effect', id: 'd-4', src: 'echo', input: undefined, systemId: undefined, sync: false, spawn: 4 },
    ])
  })

  test('the numbers of spawns go on, and children without an id are named after them', () => {
    const actor = stepperOf(on([spawnChild('child'), spawnChild('child')]))
    const first = actor.send('GO')
    const second = actor.send('GO')
    expect([...first, ...second].map((action) => [(action as { id: string }).id, (action as { spawn: number }).spawn])).toEqual([['x:1', 1], ['x:2', 2], ['x:3', 3], ['x:4', 4]])
    expect(Object.keys(actor.around.children)).toEqual(['x:1', 'x:2', 'x:3', 'x:4'])
    expect(Object.keys(childrenOf(actor))).toEqual(['x:1', 'x:2', 'x:3', 'x:4'])
  })

  test('a child is there before it is sent to, and knows no actor object', () => {
    const actor = stepperOf(on([sendTo(({ system }: any) => system.get('s') ?? 'later', { type: 'never' } as never)]), { children: { later: new Ref('kind/key~later~1', 'later') } })
    expect(actor.send('GO')).toHaveLength(1)
    const invoking = setup({ types, actors }).createMachine({ entry: sendTo('kid', { type: 'HI' } as never), invoke: { id: 'kid', src: 'child', systemId: 's' } })
    const { last, around } = stepperOf(invoking)
    const ref = new Ref('kind/key~kid~1', 'kid', 's')
    expect(last.actions).toEqual([{ do: 'spawn', as: 'actor', id: 'kid', src: 'child', input: undefined, systemId: 's', sync: false, spawn: 1 }, { do: 'send', to: ref, event: { type: 'HI' } }])
    expect(last.snapshot).toMatchObject({ children: { kid: ref } })
    expect(around.lookup('s')).toEqual(ref)
  })

  test('a child that is spawned and stopped in one step never was', () => {
    expect(go([spawnChild('child', { id: 'a' }), sendTo('a', { type: 'X' } as never), stopChild('a'), spawnChild('work', { id: 'b' })])).toMatchObject([{ do: 'spawn', id: 'b', spawn: 1 }])
  })

  test('not even when its reference was asked for in between', () => {
    const asked = assign(({ system }: any) => ({ ref: system.get('s').id }))
    expect(go([spawnChild('child', { id: 'a', systemId: 's' }), asked, sendTo('a', { type: 'X' } as never), stopChild('a')])).toEqual([])
  })

  test('what one actor stopped is not gone for the next one that steps', () => {
    const kid = new Ref('kind/key~kid~1', 'kid', 's')
    go(stopChild('kid'), { children: { kid }, lookup: () => kid })
    expect(go(sendTo(({ system }: any) => system.get('s'), { type: 'A' } as never), { lookup: () => kid })).toEqual([{ do: 'send', to: kid, event: { type: 'A' } }])
  })

  test('stopped by id and by reference', () => {
    const kid = new Ref('kind/key~kid~1', 'kid')
    const children = { kid, work: new Ref('kind/key', 'work', undefined, 'e-1') }
    expect(go([stopChild('kid'), stopChild('work'), stopChild('nobody')], { children })).toEqual([{ do: 'stop', id: 'kid' }, { do: 'stop', id: 'work' }])
    expect(go(stopChild(() => kid as never), { children })).toEqual([{ do: 'stop', id: 'kid' }])
    // A child of an earlier spawn ended long ago.
    expect(go(stopChild(() => new Ref('kind/key~kid~0', 'kid') as never), { children })).toEqual([])
  })

  test('the end of the machine stops them, and leaves none in its snapshot', () => {
    const machine = setup({ types, actors }).createMachine({ invoke: { id: 'kid', src: 'child' }, initial: 'a', states: { a: { on: { END: 'z' } }, z: { type: 'final' } }, output: () => 7 } as never)
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
    expect(actor.send('AGAIN')).toMatchObject([{ do: 'stop', id: 'a' }, { do: 'spawn', id: 'a', systemId: 's', spawn: 2 }])
    actor.send('LOOK')
    const ref = new Ref('kind/key~a~2', 'a', 's')
    expect(seen).toEqual([ref, { s: ref }])
  })
})

describe('the rest', () => {
  test('emitted events, log lines, named actions', () => {
    const note = { type: 'note', params: ({ context, event }: any) => [context.n, event.n] }
    expect(go([emit(({ event }: any) => ({ type: 'seen', n: event.n })), log('plain'), log(({ context }: any) => context.n, 'label'), assign({ n: 2 }), note, 'note', 'nobodyWroteThis'], {}, { n: 9 })).toEqual([
      { do: 'emit', event: { type: 'seen', n: 9 } },
      { do: 'log', label: undefined, value: 'plain' },
      { do: 'log', label: 'label', value: 1 },
      { do: 'act', name: 'note', params: [2, 9], event: { type: 'GO', n: 9 }, context: { n: 2 } },
      { do: 'act', name: 'note', params: undefined, event: { type: 'GO', n: 9 }, context: { n: 2 } },
    ])
  })

  test('nothing runs: no action, no child, and the context factory once in a life', () => {
    const ran: string[] = []
    const kid = setup({ types, actions: { hello: () => void ran.push('kid action') } }).createMachine({ context: () => ({ at: ran.push('kid context') }), entry: 'hello' } as never)
    const machine = setup({ types, actors: { kid, work: fromPromise(async () => void ran.push('work')) }, actions: { act: () => void ran.push('action') } }).createMachine({
      context: () => ({ at: ran.push('context') }),
      entry: ['act', spawnChild('kid', { id: 'kid' }), spawnChild('work', { id: 'work' })],
      on: { GO: { actions: ['act', enqueueActions(({ enqueue }: any) => enqueue('act'))] } },
    } as never)
    const actor = stepperOf(machine)
    actor.send('GO')
    actor.send('GO')
    expect(ran).toEqual(['context'])
  })

  test('implementations given with provide() count', () => {
    const machine = setup({ types, actions: { note: () => {} }, delays: { soon: 1 } }).createMachine({ initial: 'a', states: { a: { entry: 'note', after: { soon: 'b' } }, b: {} } }).provide({ delays: { soon: 99 } } as never)
    expect(stepperOf(machine).last.actions).toMatchObject([{ do: 'act', name: 'note' }, { do: 'raise', delay: 99, delayName: 'soon' }])
  })
})

describe('what was handled', () => {
  const machine = setup({ types, guards: { never: () => false } }).createMachine({
    initial: 'a',
    states: { a: { on: { GO: 'b', FORBIDDEN: undefined, EMPTY: {}, NO: { guard: 'never', target: 'b' }, STAY: 'a' } }, b: { type: 'final' } },
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
    expect(actor.step({ type: 'GO' })).toEqual({ ...done, handled: false, actions: [] })
  })

  test('transition logic takes every event, and keeps its snapshot when its context stayed the same', () => {
    const actor = stepperOf(fromTransition((state: { n: number }, event: any) => (event.type === 'INC' ? { n: state.n + 1 } : state), { n: 0 }))
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
    expect(stepperOf(logic, { lookup: () => log }).send('GO')).toEqual([{ do: 'send', to: self, event: { type: 'ECHO' } }, { do: 'send', to: log, event: { type: 'LINE' } }])
    expect(() => log.send({ type: 'LATE' })).toThrow('sends nothing by itself')
  })

  test('its own snapshot is the one before the step, another\'s is what the surroundings say', () => {
    const seen: unknown[] = []
    const look = assign(({ self, context }: any) => void seen.push(self.getSnapshot().value, context.other.getSnapshot()))
    const machine = setup({ types }).createMachine({ context: { other: new Ref('other/1') }, initial: 'a', states: { a: { on: { GO: { target: 'b', actions: look } } }, b: {} } } as never)
    stepperOf(machine, { snapshotOf: ({ address }) => `of ${address}` }).send('GO')
    expect(seen).toEqual(['a', 'of other/1'])
  })

  test('what lands in a context can be stored', () => {
    const machine = setup({ types, actors }).createMachine({ context: ({ self }: any) => ({ self }), invoke: { id: 'kid', src: 'work', systemId: 's' }, entry: assign({ kid: ({ system }: any) => system.get('s') ?? null }), on: { GO: { actions: assign({ kid: ({ system }: any) => system.get('s') }) } } } as never)
    const actor = stepperOf(machine)
    actor.send('GO')
    const { context } = actor.last.snapshot as { context: { self: Ref; kid: Ref } }
    expect(context.self).toBeInstanceOf(Ref)
    expect(context.kid).toBeInstanceOf(Ref)
    expect(Object.keys(context.self)).toEqual(['address', 'id', 'systemId', 'effectId'])
  })
})
