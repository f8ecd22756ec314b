/**
 * What in a machine cannot be made durable, found when its kind is registered, each with a
 * sentence that says what to write instead. It serves the clause "effects run after the commit":
 * whatever has to run, or to be resumed, needs a name that a stored state can hold.
 */
import type { AnyStateMachine, AnyStateNode, AnyTransitionDefinition } from 'xstate'
import { nodesOf } from './host.ts'
import { logicKindOf } from './logic-kind.ts'
import { isBuiltin } from './names.ts'
import { spawns } from './spawns.ts'

export function rootProblemOf(logic: unknown): string | undefined {
  switch (logicKindOf(logic)) {
    case 'effect':
      return 'a promise, callback or observable runs as an effect of an actor and is not one by itself; wrap it in a machine that invokes it: setup({ actors: { work } }).createMachine({ invoke: { src: "work" } }).'
    case 'unknown':
      return 'it is neither an XState machine nor transition logic; pass what setup(…).createMachine(…) or fromTransition(…) returns.'
    default:
      return undefined
  }
}

export function machineProblemsOf(machine: AnyStateMachine): string[] {
  const problems: string[] = []
  if (spawns((machine.config as { context?: unknown }).context))
    problems.push(spawnSentence(`the context of "${machine.id}"`))
  for (const node of nodesOf(machine)) problems.push(...nodeProblemsOf(machine, node))
  const { actions, actors } = machine.implementations as Record<'actions' | 'actors', Record<string, unknown>>
  for (const name of Object.keys(actions)) {
    if (isBuiltin(actions[name])) problems.push(...actionProblemsOf(machine, actions[name], `the action "${name}"`))
  }
  for (const src of Object.keys(actors)) {
    if (logicKindOf(actors[src]) === 'unknown')
      problems.push(
        `the actor "${src}" is not XState logic; use fromPromise(…), fromCallback(…), fromTransition(…) or a machine.`,
      )
  }
  return [...new Set(problems)]
}

function nodeProblemsOf(machine: AnyStateMachine, node: AnyStateNode): string[] {
  const state = node.parent === undefined ? `the machine "${machine.id}"` : `the state "${node.path.join('.')}"`
  const initial = node.type === 'compound' ? (node.initial.actions as readonly unknown[]) : []
  const transitions = [...[...node.transitions.values()].flat(), ...(node.always ?? [])]
  return [
    ...node.entry.flatMap((one) => actionProblemsOf(machine, one, `the entry of ${state}`)),
    ...node.exit.flatMap((one) => actionProblemsOf(machine, one, `the exit of ${state}`)),
    ...initial.flatMap((one) => actionProblemsOf(machine, one, `the initial transition of ${state}`)),
    ...transitions.flatMap((one) => transitionProblemsOf(machine, one, state)),
    ...invokeProblemsOf(machine, node, state),
  ]
}

function transitionProblemsOf(
  machine: AnyStateMachine,
  { actions, eventType }: AnyTransitionDefinition,
  state: string,
): string[] {
  const where = eventType === '' ? `an "always" of ${state}` : `"${eventType}" in ${state}`
  return (actions as readonly unknown[]).flatMap((one) => actionProblemsOf(machine, one, where))
}

function invokeProblemsOf(machine: AnyStateMachine, { config }: AnyStateNode, state: string): string[] {
  const { invoke } = config as { invoke?: unknown }
  const all = (Array.isArray(invoke) ? invoke : invoke === undefined ? [] : [invoke]) as { src: unknown }[]
  return all.flatMap(({ src }) => srcProblemsOf(machine, src, `${state} invokes`, 'invoke: { src: "work" }'))
}

function srcProblemsOf(machine: AnyStateMachine, src: unknown, who: string, instead: string): string[] {
  if (typeof src !== 'string')
    return [
      `${who} logic that has no name, so a stored state cannot say what to resume; name it in setup({ actors: { work } }) and write ${instead}.`,
    ]
  if (src in machine.implementations.actors) return []
  return [
    `${who} "${src}", which is not a named actor of the machine; add it to setup({ actors: { ${src} } }) or to machine.provide({ actors }).`,
  ]
}

function actionProblemsOf(machine: AnyStateMachine, action: unknown, where: string): string[] {
  if (typeof action !== 'function') return []
  if (isBuiltin(action)) {
    if (action.type === 'xstate.spawnChild')
      return srcProblemsOf(machine, action.src, `${where} spawns`, 'spawnChild("work", { id: "work" })')
    return action.type === 'xstate.assign' && assignmentsOf(action.assignment).some(spawns)
      ? [spawnSentence(`an assign in ${where}`)]
      : []
  }
  // The very function that has a name in setup() is that name.
  if ((machine.implementations.actions as Record<string, unknown>)[action.name] === action) return []
  const name =
    action.name === '' || action.name === 'actions' || action.name === 'entry' || action.name === 'exit'
      ? 'a function'
      : `the function "${action.name}"`
  return [
    `${where} runs ${name} inline, which cannot be recorded or run again after a crash; name it in setup({ actions: { … } }) and refer to it by name, or use an action creator (assign, sendTo, emit, …).`,
  ]
}

function assignmentsOf(assignment: unknown): unknown[] {
  return typeof assignment === 'object' && assignment !== null ? Object.values(assignment) : [assignment]
}

function spawnSentence(where: string): string {
  return `${where} spawns an actor, of which XState tells nobody; use spawnChild("name", { id }) as an action of its own, and refer to the child by its id or systemId.`
}
