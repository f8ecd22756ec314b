/**
 * Stand-ins for effects, by name: a test says what the outside world answers, and the machine
 * stays as it is. They serve the clause "effects run after the commit"; what is replaced is only
 * the logic behind a name, so recording, retries, cancellation and results are the real ones.
 */
import { type AnyActorLogic, type AnyStateMachine, fromPromise } from 'xstate'
import type { ActorKind } from '#protocol/actor.ts'
import { Fault } from '#protocol/fault.ts'
import { logicKindOf } from '#runtime/core/logic-kind.ts'

/** What a stand-in may use: time is virtual, and the signal says that nobody waits any more. */
export type StandInTools = {
  readonly signal: AbortSignal
  now(): number
  /** Resolves when so much virtual time has passed. */
  sleep(ms: number): Promise<void>
}

/**
 * Of promise logic: a function of its input. Of a named custom action: a function of its params.
 * Of callback or observable logic: other logic.
 */
// The input's type is the machine's own, which a table by name cannot know.
// oxlint-disable-next-line typescript/no-explicit-any
export type StandIn = AnyActorLogic | ((input: any, tools: StandInTools) => unknown)

/** By the name under which a machine knows the effect, or by kind and name: `order.charge`. */
export type StandIns = Readonly<Record<string, StandIn>>

export type StandInTime = Omit<StandInTools, 'signal'>

/** The kinds with their effects replaced, in child machines too. A name that nobody has is a fault. */
export function withStandIns(
  actors: readonly ActorKind[],
  standIns: StandIns,
  time: StandInTime,
): readonly ActorKind[] {
  const unused = new Set(Object.keys(standIns))
  const replaced = actors.map((kind) => {
    const find = (name: string): StandIn | undefined => {
      const found = [`${kind.kind}.${name}`, name].find((one) => Object.hasOwn(standIns, one))
      if (found === undefined) return undefined
      unused.delete(found)
      return standIns[found]
    }
    return { ...kind, logic: replacedIn(kind.logic, find, time, new Map()) }
  })
  for (const name of unused) throw new Fault('spawn.unknown', { value: name })
  return replaced
}

type Find = (name: string) => StandIn | undefined

function replacedIn(
  logic: AnyActorLogic,
  find: Find,
  time: StandInTime,
  done: Map<AnyActorLogic, AnyActorLogic>,
): AnyActorLogic {
  if (logicKindOf(logic) !== 'machine') return logic
  const known = done.get(logic)
  if (known !== undefined) return known
  // Machines may name each other in a circle: the second meeting keeps the original.
  done.set(logic, logic)
  const machine = logic as unknown as AnyStateMachine
  const actors: Record<string, unknown> = {}
  const actions: Record<string, unknown> = {}
  for (const [name, child] of Object.entries(machine.implementations.actors as Record<string, AnyActorLogic>)) {
    const standIn = find(name)
    const next = standIn === undefined ? replacedIn(child, find, time, done) : logicOf(standIn, time)
    if (next !== child) actors[name] = next
  }
  for (const name of Object.keys(machine.implementations.actions)) {
    const standIn = find(name)
    if (typeof standIn !== 'function') continue
    actions[name] = (_: unknown, params: unknown) => standIn(params, { ...time, signal: new AbortController().signal })
  }
  if (Object.keys(actors).length + Object.keys(actions).length === 0) return logic
  const next = machine.provide({ actors, actions } as never) as unknown as AnyActorLogic
  done.set(logic, next)
  return next
}

function logicOf(standIn: StandIn, time: StandInTime): AnyActorLogic {
  if (typeof standIn !== 'function') return standIn
  return fromPromise(async ({ input, signal }) => await standIn(input, { ...time, signal }))
}
