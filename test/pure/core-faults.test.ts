/** What cannot be made durable and is only found when it happens: a fault that names it, and an actor as it was before. */
import { describe, expect, test } from 'vitest'
import {
  type AnyActorLogic,
  assign,
  enqueueActions,
  forwardTo,
  fromPromise,
  fromTransition,
  raise,
  sendParent,
  sendTo,
  setup,
  spawnChild,
  stopChild,
} from 'xstate'
import { actor } from '#protocol/actor.ts'
import { Ref } from '#protocol/codec.ts'
import type { Fault } from '#protocol/fault.ts'
import { type FaultCode } from '#protocol/fault.ts'
import { blueprintOf } from '#runtime/core/blueprint.ts'
import { types } from '#test/support/machines/scenario.ts'
import { stepperOf } from '#test/support/machines/stepper.ts'

const work = fromPromise(async () => 1)
const actors = { work, child: setup({ types }).createMachine({}) }
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

describe('refused when it happens', () => {
  const fails = (logic: AnyActorLogic, code: FaultCode, more: Parameters<typeof stepperOf>[1] = {}): Fault => {
    const actor = stepperOf(logic, more)
    const before = actor.last.snapshot
    const fault = caught(() => actor.send('GO'))
    expect(fault).toMatchObject({ code })
    expect(actor.last.snapshot).toBe(before)
    return fault as Fault
  }
  const enqueued = (act: (enqueue: any) => void) => one(enqueueActions(({ enqueue }: any) => act(enqueue)))

  test('an inline function among actions that are decided at run time', () => {
    expect(
      fails(
        enqueued((enqueue) => enqueue(function ship() {})),
        'action.inline',
      ).message,
    ).toContain('"ship"')
    fails(
      enqueued((enqueue) => enqueue(() => {})),
      'action.inline',
    )
    fails(
      machine(
        { on: { GO: { actions: enqueueActions(({ enqueue }: any) => enqueue(function note() {})) } } },
        { actions: { note: () => {} } },
      ),
      'action.inline',
    )
  })

  test('a spawn that the source text hides', () => {
    expect(
      fails(one(assign((args: any) => ({ ref: args[['sp', 'awn'].join('')]('child') }))), 'spawn.inline').message,
    ).toContain('"child"')
    const context = machine({ context: (args: any) => ({ ref: args[['sp', 'awn'].join('')]('child') }) })
    expect(caught(() => stepperOf(context))).toMatchObject({ code: 'spawn.inline' })
  })

  test('a spawn of logic that has no name, or none of that name', () => {
    fails(
      enqueued((enqueue) => enqueue.spawnChild(work, { id: 'x' })),
      'spawn.inline',
    )
    expect(
      fails(
        enqueued((enqueue) => enqueue.spawnChild('nobody')),
        'spawn.unknown',
      ).message,
    ).toContain('"nobody"')
  })

  test('an event to nobody', () => {
    expect(fails(one(sendTo('nobody', { type: 'A' })), 'send.unknown').message).toContain('no child "nobody"')
    expect(fails(one(sendParent({ type: 'A' })), 'send.unknown').message).toContain(
      'the parent of kind/key, which has none',
    )
    fails(one(sendTo(() => ({ nothing: true }) as never, { type: 'A' } as never)), 'send.unknown')
    fails(one(forwardTo('nobody')), 'send.unknown')
  })

  test("the end of somebody else's child", () => {
    expect(fails(one(stopChild(() => new Ref('other/1~kid~1', 'kid') as never)), 'child.foreign').message).toContain(
      'kid is not a child of kind/key',
    )
  })

  test('a loop without an end, after as many turns as the machine allows, or ten thousand', () => {
    const loop = (options: object) =>
      machine({ options, initial: 'a', states: { a: { on: { GO: 'b' } }, b: { always: 'c' }, c: { always: 'b' } } })
    expect(fails(loop({}), 'loop.endless').message).toContain('10000')
    expect(fails(loop({ maxIterations: 25 }), 'loop.endless').message).toContain('25')
    fails(machine({ on: { GO: { actions: raise({ type: 'GO' }) } } }), 'loop.endless')
  })

  test("what the user's own functions throw stays what it is, on the first step as well", () => {
    const mine = new TypeError('mine')
    const boom = () => {
      throw mine
    }
    expect(caught(() => stepperOf(machine({ context: boom })))).toBe(mine)
    expect(caught(() => stepperOf(machine({ entry: assign({ n: boom }) })))).toBe(mine)
    expect(caught(() => stepperOf(one(assign({ n: boom }))).send('GO'))).toBe(mine)
    expect(caught(() => stepperOf(one(spawnChild('work', { id: 'x', input: boom }))).send('GO'))).toBe(mine)
    expect(caught(() => stepperOf(fromTransition(boom, 0)).send('GO'))).toBe(mine)
    expect(caught(() => stepperOf(machine({ on: { GO: { guard: boom, actions: [] } } })).send('GO'))).toMatchObject({
      message: expect.stringContaining('mine'),
    })
  })

  test('a step after one that threw starts clean', () => {
    const actor = stepperOf(
      one(
        enqueueActions(({ enqueue, event }: any) =>
          event.ok ? enqueue.emit({ type: 'fine' }) : (enqueue.spawnChild('child', { id: 'a' }), enqueue(() => {})),
        ),
      ),
    )
    expect(() => actor.send('GO')).toThrow('inline function')
    expect(actor.send('GO', { ok: true })).toEqual([{ do: 'emit', event: { type: 'fine' } }])
  })
})

describe('what an effect may be called', () => {
  const effects = (declared?: unknown) =>
    blueprintOf(actor('kind', one([]), declared === undefined ? {} : { effects: declared as never }))

  test('everything when nothing is declared, else what is [N4]', () => {
    expect(effects().allows('anything')).toBe(true)
    expect([effects(['work']).allows('work'), effects(['work']).allows('other')]).toEqual([true, false])
    expect([effects({ work: { attempts: 3 } }).allows('work'), effects({}).allows('work')]).toEqual([true, false])
  })
})
