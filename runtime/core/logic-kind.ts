/**
 * Which kind of XState logic this is. By its shape and not by its class, so that logic made with
 * another copy of xstate in the same program is recognised as well. Only logic that has something
 * to start (promise, callback, observable) is an effect: the rest are pure functions of events.
 */
import type { AnyActorLogic } from 'xstate'

export type LogicKind = 'machine' | 'transition' | 'effect' | 'unknown'

export function logicKindOf(logic: unknown): LogicKind {
  if (typeof logic !== 'object' || logic === null) return 'unknown'
  if ((logic as { __xstatenode?: unknown }).__xstatenode === true) return 'machine'
  const { transition, getInitialSnapshot, start } = logic as Partial<AnyActorLogic>
  if (typeof transition !== 'function' || typeof getInitialSnapshot !== 'function') return 'unknown'
  return typeof start === 'function' ? 'effect' : 'transition'
}
