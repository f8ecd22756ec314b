/** One actor stepped by hand, its surroundings kept as its book would keep them. */
import type { AnyActorLogic } from 'xstate'
import { actor, type KindOptions } from '#protocol/actor.ts'
import type { AnyEvent } from '#protocol/envelope.ts'
import { type Blueprint, blueprintOf } from '#runtime/core/blueprint.ts'
import type { MachineAction, MachineStep, Surroundings } from '#runtime/core/machine-step.ts'
import { eventStep, initialStep } from '#runtime/core/machine.ts'
import { after, type Around, aroundOf } from './around.ts'

export type Stepper = {
  readonly blueprint: Blueprint
  readonly last: MachineStep
  readonly around: Around
  /** The actions of the step, and nothing else of it. */
  send(type: string, more?: object): readonly MachineAction[]
  step(event: AnyEvent): MachineStep
}

export function stepperOf(
  logic: AnyActorLogic,
  more: Partial<Surroundings> & { readonly input?: unknown; readonly options?: KindOptions } = {},
): Stepper {
  const { input, options, ...surroundings } = more
  const blueprint = blueprintOf(actor('kind', logic, options))
  let around = aroundOf('kind/key', surroundings)
  let last = initialStep(blueprint, input, around)
  around = after(around, last)
  const step = (event: AnyEvent): MachineStep => {
    last = eventStep(blueprint, last.snapshot, event, around)
    around = after(around, last)
    return last
  }
  return {
    blueprint,
    get last() {
      return last
    },
    get around() {
      return around
    },
    send: (type, fields = {}) => step({ type, ...fields }).actions,
    step,
  }
}
