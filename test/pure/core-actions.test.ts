/** Every kind of action as the data that a step hands on, and that none of them is executed. */
import { describe, expect, test } from 'vitest'
import {
  assign,
  cancel,
  emit,
  enqueueActions,
  forwardTo,
  fromCallback,
  fromPromise,
  fromTransition,
  log,
  raise,
  sendParent,
  sendTo,
  setup,
  spawnChild,
} from 'xstate'
import { Ref } from '#protocol/codec.ts'
import { stepperOf } from '#test/support/machines/stepper.ts'
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

describe('sends', () => {
  test('to itself, to its parent, to a child, to a reference from the context', () => {
    const parent = new Ref('boss/1')
    expect(go(sendTo(({ self }: any) => self, { type: 'A' }))).toEqual([{ do: 'send', to: self, event: { type: 'A' } }])
    expect(go(sendParent({ type: 'A' }), { parent })).toEqual([{ do: 'send', to: parent, event: { type: 'A' } }])
    expect(go(sendTo('kid', { type: 'A' }), { children: { kid: new Ref('kind/key~kid~1', 'kid') } })).toEqual([
      { do: 'send', to: new Ref('kind/key~kid~1', 'kid'), event: { type: 'A' } },
    ])
    expect(
      go(
        forwardTo(() => new Ref('other/1') as never),
        {},
        { n: 5 },
      ),
    ).toEqual([{ do: 'send', to: new Ref('other/1'), event: { type: 'GO', n: 5 } }])
  })

  test('to a reference that went through JSON', () => {
    const sent = JSON.parse(JSON.stringify({ ref: new Ref('other/1') })) as { ref: unknown }
    expect(
      go(
        sendTo(({ event }: any) => event.ref, { type: 'A' }),
        {},
        sent,
      ),
    ).toEqual([{ do: 'send', to: new Ref('other/1'), event: { type: 'A' } }])
  })

  test('later: with the delay by name, by number, by function, and with an id', () => {
    const to = ({ self }: any) => self
    const event = { type: 'A' } as never
    expect(go(sendTo(to, event, { delay: 'soon' } as never))).toEqual([
      { do: 'send', to: self, event, delay: 30, delayName: 'soon' },
    ])
    expect(go(sendTo(to, event, { delay: 5 }))).toEqual([{ do: 'send', to: self, event, delay: 5, delayName: '5' }])
    expect(go(sendTo(to, event, { delay: 5, id: 'x' }))).toEqual([
      { do: 'send', to: self, event, delay: 5, id: 'x', delayName: 'x' },
    ])
    expect(go(sendTo(to, event, { delay: 'patience' } as never), {}, { ms: 7 })).toEqual([
      { do: 'send', to: self, event, delay: 7, delayName: 'patience' },
    ])
    expect(go(sendTo(to, event, { delay: () => -5 }))).toMatchObject([{ delay: 0 }])
    expect(go(sendTo(to, event, { delay: () => Number.NaN }))).toMatchObject([{ delay: 0 }])
  })

  test('a word to the parent about its own failure carries the id under which the parent knows it', () => {
    const actions = go(sendParent({ type: 'xstate.error', data: 'why' }), {
      self: new Ref('boss/1~me~1', 'me'),
      parent: new Ref('boss/1'),
    })
    expect(actions).toMatchObject([{ event: { type: 'xstate.error.actor.me', error: 'why', actorId: 'me' } }])
  })
})

describe('delayed events', () => {
  test('what is raised at once is no action, what is raised later is', () => {
    expect(go(raise({ type: 'A' }))).toEqual([])
    expect(go(raise({ type: 'A' }, { delay: 10, id: 'x' }))).toEqual([
      { do: 'raise', event: { type: 'A' }, delay: 10, id: 'x', delayName: 'x' },
    ])
    expect(go(raise({ type: 'A' }, { delay: 'soon', id: 'x' } as never))).toEqual([
      { do: 'raise', event: { type: 'A' }, delay: 30, id: 'x', delayName: 'soon' },
    ])
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
      {
        do: 'raise',
        event: { type: 'xstate.after.1000.the.x' },
        id: 'xstate.after.1000.the.x',
        delay: 1000,
        delayName: '1000',
      },
      {
        do: 'raise',
        event: { type: 'xstate.after.soon.the.x' },
        id: 'xstate.after.soon.the.x',
        delay: 30,
        delayName: 'soon',
      },
    ])
    expect(actor.send('xstate.after.soon.the.x')).toEqual([
      { do: 'cancel', id: 'xstate.after.1000.the.x' },
      { do: 'cancel', id: 'xstate.after.soon.the.x' },
      {
        do: 'raise',
        event: { type: 'xstate.after.20.a.b.y' },
        id: 'xstate.after.20.a.b.y',
        delay: 20,
        delayName: '20',
      },
    ])
  })

  test('a delay name does not stick to the next action', () => {
    expect(
      go([raise({ type: 'A' }, { delay: 'soon', id: 'x' } as never), raise({ type: 'B' }, { delay: 7, id: 'y' })]),
    ).toMatchObject([{ delayName: 'soon' }, { delayName: 'y' }])
  })

  test('cancelled, by text and by function', () => {
    expect(go([cancel('x'), cancel(({ event }: any) => event.id)], {}, { id: 'y' })).toEqual([
      { do: 'cancel', id: 'x' },
      { do: 'cancel', id: 'y' },
    ])
  })
})

describe('the rest', () => {
  test('emitted events, log lines, named actions', () => {
    const note = { type: 'note', params: ({ context, event }: any) => [context.n, event.n] }
    expect(
      go(
        [
          emit(({ event }: any) => ({ type: 'seen', n: event.n })),
          log('plain'),
          log(({ context }: any) => context.n, 'label'),
          assign({ n: 2 }),
          note,
          'note',
          'nobodyWroteThis',
        ],
        {},
        { n: 9 },
      ),
    ).toEqual([
      { do: 'emit', event: { type: 'seen', n: 9 } },
      { do: 'log', label: undefined, value: 'plain' },
      { do: 'log', label: 'label', value: 1 },
      { do: 'act', name: 'note', params: [2, 9], event: { type: 'GO', n: 9 }, context: { n: 2 } },
      { do: 'act', name: 'note', params: undefined, event: { type: 'GO', n: 9 }, context: { n: 2 } },
    ])
  })

  test('nothing runs: no action, no child, and the context factory once in a life', () => {
    const ran: string[] = []
    const kid = setup({ types, actions: { hello: () => void ran.push('kid action') } }).createMachine({
      context: () => ({ at: ran.push('kid context') }),
      entry: 'hello',
    } as never)
    const machine = setup({
      types,
      actors: { kid, work: fromPromise(async () => void ran.push('work')) },
      actions: { act: () => void ran.push('action') },
    }).createMachine({
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
    const machine = setup({ types, actions: { note: () => {} }, delays: { soon: 1 } })
      .createMachine({ initial: 'a', states: { a: { entry: 'note', after: { soon: 'b' } }, b: {} } })
      .provide({ delays: { soon: 99 } } as never)
    expect(stepperOf(machine).last.actions).toMatchObject([
      { do: 'act', name: 'note' },
      { do: 'raise', delay: 99, delayName: 'soon' },
    ])
  })
})
