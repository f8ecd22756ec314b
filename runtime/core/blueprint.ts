/**
 * A kind made ready to step: its machine, what its stored states are checked against, and where
 * the logic of its descendants is found by name. It serves the clause "the machine makes a
 * transition". Invariant: whoever holds a blueprint holds a machine that can be made durable;
 * everything that cannot was refused before, in sentences.
 */
import type { AnyActorLogic, AnyStateMachine } from 'xstate'
import type { ActorKind, KindOptions } from '#protocol/actor.ts'
import { Fault } from '#protocol/fault.ts'
import { type Host, hostOf } from './host.ts'
import { logicKindOf } from './logic-kind.ts'
import { isBuiltin } from './names.ts'
import { machineProblemsOf, rootProblemOf } from './refusals.ts'
import { noteDelay } from './scope.ts'
import { hashOf, type Shape, shapeOf } from './shape.ts'

/** A custom action as it was written: `({ context, event, self, system }, params) => …`. */
export type ActionFunction = (args: never, params: never) => unknown

export type ChildLogic = {
  /** Machines and transition logic become actors of their own, all other logic an effect. */
  readonly as: 'actor' | 'effect'
  readonly blueprint: Blueprint | undefined
  readonly logic: AnyActorLogic
}

export type Blueprint = {
  readonly kind: string
  readonly options: KindOptions
  readonly logic: AnyActorLogic
  readonly is: 'machine' | 'transition'
  readonly hash: string
  readonly shape: Shape
  readonly version: number
  /** Newer versions whose states this one reads as they are: what the realm's registry found. */
  readonly readable: Set<number>
  /** The machine as it is stepped; transition logic is stepped as it is. */
  readonly host: Host | undefined
  child(src: string): ChildLogic | undefined
  /** The function behind a custom action; nothing for XState's own actions and for unknown names. */
  action(name: string): ActionFunction | undefined
  /** Whether the kind declares this effect: all named ones, or those its options list. */
  allows(name: string): boolean
  /** From here down through the names of spawned logic, as a child's link to its root says them. */
  resolve(path: readonly string[]): Blueprint
}

export function blueprintOf(kind: ActorKind): Blueprint {
  const problems = problemsOf(kind.logic, '', new Set())
  if (problems.length > 0) throw new Fault('kind.refused', { value: kind.kind, problems: problems.join(' ') })
  return build({ ...kind, readable: new Set() }, kind.logic, new Map())
}

function problemsOf(logic: AnyActorLogic, where: string, seen: Set<AnyActorLogic>): string[] {
  if (seen.has(logic)) return []
  seen.add(logic)
  const problem = rootProblemOf(logic)
  if (problem !== undefined) return [where + problem]
  if (logicKindOf(logic) !== 'machine') return []
  const machine = logic as unknown as AnyStateMachine
  const problems = machineProblemsOf(machine).map((one) => where + one)
  for (const [src, child] of Object.entries(actorsOf(machine))) {
    if (logicKindOf(child) === 'machine') problems.push(...problemsOf(child, `${where}in the actor "${src}", `, seen))
  }
  return problems
}

function actorsOf(machine: AnyStateMachine): Record<string, AnyActorLogic> {
  return machine.implementations.actors as Record<string, AnyActorLogic>
}

/** What all blueprints of a kind share, those of its children's logic included. */
type Built = Omit<ActorKind, 'logic'> & Pick<Blueprint, 'readable'>

/** One blueprint for each logic, made when first asked for: machines may name each other in a circle. */
function build(kind: Built, logic: AnyActorLogic, built: Map<AnyActorLogic, Blueprint>): Blueprint {
  const known = built.get(logic)
  if (known !== undefined) return known
  const { options, readable } = kind
  const machine = logicKindOf(logic) === 'machine' ? (logic as unknown as AnyStateMachine) : undefined
  const shape = shapeOf(logic)
  const actions = (machine?.implementations.actions ?? {}) as Record<string, unknown>
  const declared =
    options.effects === undefined
      ? undefined
      : new Set(Array.isArray(options.effects) ? (options.effects as string[]) : Object.keys(options.effects))
  const children = new Map<string, ChildLogic | undefined>()
  const blueprint: Blueprint = {
    kind: kind.kind,
    options,
    logic,
    is: machine === undefined ? 'transition' : 'machine',
    hash: hashOf(shape),
    shape,
    version: options.version ?? 1,
    readable,
    host: machine === undefined ? undefined : hostOf(machine, noteDelay),
    child(src) {
      if (!children.has(src)) children.set(src, childOf(src))
      return children.get(src)
    },
    action(name) {
      const found = Object.hasOwn(actions, name) ? actions[name] : undefined
      return typeof found === 'function' && !isBuiltin(found) ? (found as ActionFunction) : undefined
    },
    allows: (name) => declared === undefined || declared.has(name),
    resolve(path) {
      let at = blueprint
      for (const src of path) {
        const next = at.child(src)?.blueprint
        if (next === undefined) throw new Fault('spawn.unknown', { value: src })
        at = next
      }
      return at
    },
  }
  built.set(logic, blueprint)
  return blueprint

  function childOf(src: string): ChildLogic | undefined {
    const actors = machine === undefined ? {} : actorsOf(machine)
    const child = Object.hasOwn(actors, src) ? actors[src] : undefined
    if (child === undefined) return undefined
    if (logicKindOf(child) === 'effect') return { as: 'effect', blueprint: undefined, logic: child }
    return { as: 'actor', blueprint: build(kind, child, built), logic: child }
  }
}
