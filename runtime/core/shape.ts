/**
 * The shape of a definition: what stored states and pending events refer to, as plain data that
 * outlives the code. It serves the clause "its new state": a state carries the hash of the
 * definition that made it. Invariant: the hash depends on the structure and never on the
 * identity or the text of a function.
 */
import type { AnyActorLogic, AnyStateMachine, AnyStateNode, AnyTransitionDefinition } from 'xstate'
import { afterKeysOf, afterTypeOf } from './host.ts'
import { logicKindOf } from './logic-kind.ts'
import { actionNameOf, guardNameOf } from './names.ts'

export { compareShapes, type Difference } from './difference.ts'

export type Shape = {
  readonly is: 'machine' | 'transition'
  readonly id: string
  readonly root: StateShape | undefined
  /** Named logic: whether it becomes an actor of its own or an effect. */
  readonly actors: Readonly<Record<string, 'actor' | 'effect'>>
  /** Named delays; null for one that a function decides. */
  readonly delays: Readonly<Record<string, number | null>>
}

export type StateShape = {
  readonly id: string
  readonly type: 'atomic' | 'compound' | 'parallel' | 'final' | 'history'
  readonly initial: string | undefined
  readonly history: 'shallow' | 'deep' | undefined
  readonly entry: readonly string[]
  readonly exit: readonly string[]
  /** By event descriptor; `always` stands under the empty one. */
  readonly on: Readonly<Record<string, readonly TransitionShape[]>>
  /** Delay as written, to the type of its event. */
  readonly after: Readonly<Record<string, string>>
  readonly invoke: readonly { readonly id: string; readonly src: string }[]
  readonly tags: readonly string[]
  readonly states: Readonly<Record<string, StateShape>>
}

export type TransitionShape = {
  readonly target: readonly string[] | undefined
  readonly guard: string | undefined
  readonly actions: readonly string[]
  readonly reenter: boolean
}

export function shapeOf(logic: AnyActorLogic): Shape {
  if (logicKindOf(logic) !== 'machine') return { is: 'transition', id: '', root: undefined, actors: {}, delays: {} }
  const machine = logic as unknown as AnyStateMachine
  const { actors, delays } = machine.implementations as {
    actors: Record<string, AnyActorLogic>
    delays: Record<string, unknown>
  }
  return {
    is: 'machine',
    id: machine.id,
    root: stateShapeOf(machine.root),
    actors: mapped(actors, (child) => (isActor(child) ? 'actor' : 'effect')),
    delays: mapped(delays, (delay) => (typeof delay === 'number' ? delay : null)),
  }
}

function isActor(logic: AnyActorLogic): boolean {
  return logicKindOf(logic) === 'machine' || logicKindOf(logic) === 'transition'
}

function stateShapeOf(node: AnyStateNode): StateShape {
  const always = node.always === undefined ? [] : [['', node.always.map(transitionShapeOf)] as const]
  const on = [...node.transitions].map(([descriptor, all]) => [descriptor, all.map(transitionShapeOf)] as const)
  return {
    id: node.id,
    type: node.type,
    initial: node.type === 'compound' ? node.initial.target?.[0]?.key : undefined,
    history: node.history === false ? undefined : node.history,
    entry: node.entry.map(actionNameOf),
    exit: node.exit.map(actionNameOf),
    on: Object.fromEntries([...on, ...always]),
    after: Object.fromEntries(afterKeysOf(node).map((key) => [key, afterTypeOf(key, node.id)])),
    invoke: node.invoke.map(({ id, src }) => ({ id, src: src as string })),
    tags: node.tags,
    states: mapped(node.states as Record<string, AnyStateNode>, stateShapeOf),
  }
}

function transitionShapeOf({ target, guard, actions, reenter }: AnyTransitionDefinition): TransitionShape {
  return {
    target: (target as readonly AnyStateNode[] | undefined)?.map(({ id }) => id),
    guard: guardNameOf(guard),
    actions: (actions as readonly unknown[]).map(actionNameOf),
    reenter,
  }
}

function mapped<T, U>(record: Readonly<Record<string, T>>, of: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, of(value)]))
}

/** 64 bits of two multiplicative hashes: enough to tell definitions of one kind apart. */
export function hashOf(shape: Shape): string {
  const text = JSON.stringify(shape)
  let one = 0xdeadbeef
  let two = 0x41c6ce57
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    one = Math.imul(one ^ code, 2654435761)
    two = Math.imul(two ^ code, 1597334677)
  }
  one = Math.imul(one ^ (one >>> 16), 2246822507) ^ Math.imul(two ^ (two >>> 13), 3266489909)
  two = Math.imul(two ^ (two >>> 16), 2246822507) ^ Math.imul(one ^ (one >>> 13), 3266489909)
  return hex(one) + hex(two)
}

function hex(word: number): string {
  return (word >>> 0).toString(16).padStart(8, '0')
}
