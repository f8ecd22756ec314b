/**
 * What we rely on inside of XState. None of it is promised by its documentation, so each point is
 * pinned here: an upgrade that changes one fails with the name of the point and not with actors
 * that behave strangely. The differential test says whether the result is still right.
 */
import { expect, test } from 'vitest'
import { assign, createActor, fromPromise, fromTransition, raise, sendTo, setup, spawnChild, stopChild } from 'xstate'

type Seen = {
  readonly reads: Set<string>
  readonly systemReads: Set<string>
  readonly selfReads: Set<string>
  readonly actions: any[]
  readonly inspected: any[]
  readonly scope: any
}

/** A scope that writes down what XState asks it for. */
function spyScope(): Seen {
  const reads = new Set<string>()
  const systemReads = new Set<string>()
  const selfReads = new Set<string>()
  const actions: any[] = []
  const inspected: any[] = []
  const watched = <T extends object>(target: T, seen: Set<string>): T =>
    new Proxy(target, {
      get(of, name) {
        if (typeof name === 'string') seen.add(name)
        return Reflect.get(of, name)
      },
    })
  let ids = 0
  const system = watched(
    {
      _bookId: () => `x:${ids++}`,
      _set() {},
      _sendInspectionEvent: (event: any) => void inspected.push(event),
      _clock: {},
      _logger() {},
      get() {},
      scheduler: {},
    },
    systemReads,
  )
  const self = watched({ id: 'self', sessionId: 'self', system, _parent: { id: 'parent' } }, selfReads)
  const scope = watched(
    {
      self,
      id: 'self',
      sessionId: 'self',
      system,
      logger() {},
      defer() {},
      stopChild() {},
      emit() {},
      actionExecutor: (action: any) => void actions.push(action),
    },
    reads,
  )
  return { reads, systemReads, selfReads, actions, inspected, scope }
}

const child = setup({}).createMachine({ id: 'child' })
const actors = { child, work: fromPromise(async () => 1) }
const machine = setup({
  actors,
  delays: { soon: 10 },
  actions: { note: (_args: unknown, params: { n: number }) => void params },
}).createMachine({
  id: 'm',
  context: { n: 0 },
  initial: 'a',
  states: {
    a: {
      entry: { type: 'note', params: { n: 1 } },
      after: { soon: 'b' },
      on: { GO: 'b', NO: { guard: () => false, target: 'b' } },
    },
    b: {
      entry: [sendTo('kid', { type: 'HI' })],
      invoke: { id: 'kid', src: 'child', systemId: 'sys', input: 5, onSnapshot: {} },
      on: { BACK: { target: 'a', actions: raise({ type: 'X' }, { delay: 7, id: 'r' }) } },
    },
  },
})

function run(): Seen & { first: any; second: any } {
  const seen = spyScope()
  const first = machine.getInitialSnapshot(seen.scope, undefined)
  const second = machine.transition(first, { type: 'GO' }, seen.scope)
  return { ...seen, first, second }
}

test('a step asks its scope for nothing that ours lacks', () => {
  const { reads, systemReads, selfReads } = run()
  expect([...reads].filter((name) => !['self', 'system', 'id', 'actionExecutor', 'defer'].includes(name))).toEqual([])
  expect(
    [...systemReads].filter((name) => !['_bookId', '_set', '_sendInspectionEvent', '_clock', '_logger'].includes(name)),
  ).toEqual([])
  expect([...selfReads].filter((name) => !['system', '_parent'].includes(name))).toEqual([])
})

test('an action comes as { type, info, params, exec }, built-in ones under their names', () => {
  const { actions } = run()
  expect(actions.map(({ type }) => type)).toEqual([
    'note',
    'xstate.raise',
    'xstate.cancel',
    'xstate.sendTo',
    'xstate.spawnChild',
  ])
  expect(Object.keys(actions[0]).sort()).toEqual(['exec', 'info', 'params', 'type'])
  expect(actions[0]).toMatchObject({
    params: { n: 1 },
    exec: machine.implementations.actions.note,
    info: { context: { n: 0 }, event: { type: 'xstate.init' } },
  })
  expect(actions[1].params).toEqual({
    event: { type: 'xstate.after.soon.m.a' },
    id: 'xstate.after.soon.m.a',
    delay: 10,
  })
  expect(actions[2].params).toEqual({ sendId: 'xstate.after.soon.m.a' })
})

test('a child is an unstarted actor with these fields, announced before its action, and put in place of its id', () => {
  const { actions, inspected, second } = run()
  const { actorRef, src, id } = actions[4].params
  expect(actorRef).toMatchObject({
    id: 'kid',
    src: 'child',
    systemId: 'sys',
    _syncSnapshot: true,
    _processingStatus: 0,
  })
  expect([src, id]).toEqual(['child', 'kid'])
  expect(actions[4].params.input).toBe(5)
  expect(inspected.find(({ type }) => type === '@xstate.actor').actorRef).toBe(actorRef)
  expect(second.children.kid).toBe(actorRef)
  // Written as a text while the entry actions run, and put right before the step ends.
  expect(actions[3].params.to).toBe(actorRef)
})

test('a stopped child comes as the reference itself', () => {
  const seen = spyScope()
  const stopping = setup({ actors }).createMachine({
    entry: spawnChild('work', { id: 'w' }),
    on: { STOP: { actions: stopChild('w') } },
  })
  const first = stopping.getInitialSnapshot(seen.scope, undefined)
  stopping.transition(first, { type: 'STOP' }, seen.scope)
  expect(seen.actions.at(-1)).toMatchObject({ type: 'xstate.stopChild', params: { id: 'w', src: 'work' } })
})

test('each microstep is inspected with the transitions that it took', () => {
  const seen = spyScope()
  const first = machine.getInitialSnapshot(seen.scope, undefined)
  seen.inspected.length = 0
  machine.transition(first, { type: 'GO' }, seen.scope)
  const [step] = seen.inspected.filter(({ type }) => type === '@xstate.microstep')
  expect(step).toMatchObject({ event: { type: 'GO' }, snapshot: { value: 'b' }, _transitions: [{ eventType: 'GO' }] })
  seen.inspected.length = 0
  expect(machine.transition(first as never, { type: 'NO' }, seen.scope)).toBe(first)
  expect(seen.inspected.map(({ _transitions }) => _transitions)).toEqual([[]])
})

test('a spawn inside assign announces an actor and is no action', () => {
  const seen = spyScope()
  const spawning = setup({ actors }).createMachine({
    context: {},
    entry: assign({ ref: ({ spawn }) => spawn('work') }),
  })
  spawning.getInitialSnapshot(seen.scope, undefined)
  expect(seen.inspected.map(({ type }) => type)).toContain('@xstate.actor')
  expect(seen.actions).toEqual([])
})

test('a throw on the first step becomes a snapshot in error', () => {
  const error = new Error('boom')
  const throwing = setup({}).createMachine({
    context: () => {
      throw error
    },
  })
  expect(throwing.getInitialSnapshot(spyScope().scope, undefined as never)).toMatchObject({ status: 'error', error })
})

test('faults are recognised by these sentences', () => {
  const { scope } = spyScope()
  const lost = setup({}).createMachine({ on: { GO: { actions: sendTo('nobody', { type: 'A' }) } } })
  expect(() =>
    lost.transition(lost.getInitialSnapshot(scope, undefined as never) as never, { type: 'GO' }, scope),
  ).toThrow(/^Unable to send event to actor 'nobody' from machine/)
  const endless = setup({}).createMachine({
    options: { maxIterations: 3 },
    initial: 'a',
    states: { a: { on: { GO: 'b' } }, b: { always: 'c' }, c: { always: 'b' } },
  })
  expect(() =>
    endless.transition(endless.getInitialSnapshot(scope, undefined as never) as never, { type: 'GO' }, scope),
  ).toThrow(/^Infinite loop detected: the machine has processed more than 3/)
})

test('a machine has these insides', () => {
  const inside = machine as any
  expect(inside.__xstatenode).toBe(true)
  expect([...inside.idMap.keys()]).toEqual(['m', 'm.a', 'm.b'])
  expect([...inside.idMap.values()].map(({ order }) => order)).toEqual([0, 1, 2])
  expect(Object.keys(inside.implementations).sort()).toEqual(['actions', 'actors', 'delays', 'guards'])
  expect(inside.options.maxIterations).toBe(Number.POSITIVE_INFINITY)
  expect(inside.provide({ actors: {} }).implementations.actors).not.toBe(inside.implementations.actors)
  expect(inside.provide({}).options).not.toBe(inside.options)
  const { a } = inside.root.states
  expect([...a.transitions.keys()]).toEqual(['GO', 'NO', 'xstate.after.soon.m.a'])
  expect(a.entry.map((action: any) => action.type)).toEqual(['note', 'xstate.raise'])
  expect(a.config.after).toEqual({ soon: 'b' })
})

test('a snapshot has these fields and no others', () => {
  const { first } = run()
  expect(Object.keys(first).sort()).toEqual([
    '_nodes',
    'can',
    'children',
    'context',
    'error',
    'getMeta',
    'hasTag',
    'historyValue',
    'machine',
    'matches',
    'output',
    'status',
    'tags',
    'toJSON',
    'value',
  ])
})

test('logic is told apart by what it has to start', () => {
  expect(typeof fromPromise(async () => 1).start).toBe('function')
  expect('start' in fromTransition((state: number) => state, 0)).toBe(false)
  expect(Object.keys(createActor(fromTransition((state: number) => state, 0)).getSnapshot()).sort()).toEqual([
    'context',
    'error',
    'output',
    'status',
  ])
})

test("XState's own actions are functions with a type, what they were told, and a resolve", () => {
  const spawn = spawnChild('work', { id: 'w' }) as any
  expect([spawn.type, spawn.src, typeof spawn.resolve, typeof spawn.execute]).toEqual([
    'xstate.spawnChild',
    'work',
    'function',
    'function',
  ])
  const assigned = assign({ n: 1 }) as any
  expect([assigned.type, assigned.assignment, 'execute' in assigned]).toEqual(['xstate.assign', { n: 1 }, false])
  // Ours are made the same way: [snapshot, params, further actions] from (scope, snapshot, args, params).
  const [snapshot, params, more] = (raise({ type: 'A' }) as any).resolve(
    {},
    { machine },
    {},
    undefined,
    { event: { type: 'A' }, delay: 1 },
    { internalQueue: [] },
  )
  expect([snapshot, params, more]).toEqual([{ machine }, { event: { type: 'A' }, id: undefined, delay: 1 }, undefined])
})
