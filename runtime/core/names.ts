/**
 * What guards and actions are called: for decision records, for shapes, for sentences about a
 * machine. Functions have no identity that lasts, so an inline one is only `(inline)`.
 */
type GuardLike = {
  readonly type?: string
  readonly name?: string
  readonly guards?: readonly unknown[]
  readonly stateValue?: unknown
}

/** A guard as one would write it: `isRich`, `and(isRich, not(isBlocked))`, `stateIn("#paid")`. */
export function guardNameOf(guard: unknown): string | undefined {
  if (guard === undefined || typeof guard === 'string') return guard
  const { type, name, guards, stateValue } = guard as GuardLike
  if (guards !== undefined) return `${name}(${guards.map(guardNameOf).join(', ')})`
  if (stateValue !== undefined) return `stateIn(${JSON.stringify(stateValue)})`
  return type ?? '(inline)'
}

/** The fields that XState's own action creators keep on the function they return. */
export type Builtin = {
  readonly type: string
  readonly resolve: unknown
  readonly src?: unknown
  readonly assignment?: unknown
}

export function isBuiltin(action: unknown): action is Builtin {
  return typeof action === 'function' && 'resolve' in action
}

/** With what is written out in it: `xstate.raise(TICK, 1000)`; what a function decides is left out. */
export function actionNameOf(action: unknown): string {
  if (typeof action === 'string') return action
  if (!isBuiltin(action)) return (action as { type?: string }).type ?? '(inline)'
  const { event, to, id, delay, src, sendId, actorRef, label } = action as Builtin & Record<string, unknown>
  const written = [(event as { type?: unknown } | undefined)?.type, to, id, delay, src, sendId, actorRef, label]
  return `${action.type}(${written.filter((part) => typeof part === 'string' || typeof part === 'number').join(', ')})`
}
