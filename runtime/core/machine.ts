/**
 * The clause "the machine makes a transition", by XState and nobody else: the first snapshot,
 * the next one, and snapshots to and from plain data. Invariants: nothing is executed and no
 * context factory runs but on the first step; a throw inside the machine leaves here as a throw;
 * `hydrate(dehydrate(s))` steps exactly as `s` would.
 */
import type { AnyActorLogic, AnyMachineSnapshot, AnyStateNode, Snapshot } from 'xstate'
import { Ref } from '#protocol/codec.ts'
import type { AnyEvent } from '#protocol/envelope.ts'
import { Fault } from '#protocol/fault.ts'
import type { StoredSnapshot } from '#protocol/state.ts'
import type { Blueprint } from './blueprint.ts'
import { decisionOf } from './decision.ts'
import { describeActions } from './describe.ts'
import type { LiveSnapshot, MachineAction, MachineStep, Surroundings } from './machine-step.ts'
import type { Macrostep } from './macrostep.ts'
import { closeStep, openStep, scope } from './scope.ts'
import { nodesNamed, orderOf, templateOf } from './template.ts'

const none: readonly MachineAction[] = []

export function initialStep(blueprint: Blueprint, input: unknown, surroundings: Surroundings): MachineStep {
  const macro = openStep(blueprint, surroundings, undefined)
  try {
    const logic = blueprint.host?.machine ?? blueprint.logic
    const snapshot = logic.getInitialSnapshot(scope, input) as LiveSnapshot
    // XState catches what a context factory or an entry action throws, and calls it a state.
    if (blueprint.is === 'machine' && snapshot.status === 'error') throw snapshot.error
    return stepOf(macro, snapshot, true)
  } catch (error) {
    throw faultOf(error, surroundings)
  } finally {
    closeStep()
  }
}

export function eventStep(
  blueprint: Blueprint,
  snapshot: LiveSnapshot,
  event: AnyEvent,
  surroundings: Surroundings,
): MachineStep {
  // XState would go on stepping a machine that is done; its actor would not.
  if (snapshot.status !== 'active')
    return { snapshot, handled: false, actions: none, decision: undefined, nextSpawn: surroundings.nextSpawn }
  const macro = openStep(blueprint, surroundings, snapshot)
  try {
    if (blueprint.host === undefined) return transitionStep(macro, blueprint.logic, snapshot, event)
    // The book says who lives; the snapshot of the step before may not know yet.
    ;(snapshot as { children: unknown }).children = surroundings.children
    const next = blueprint.host.machine.transition(
      snapshot as AnyMachineSnapshot,
      event,
      scope as never,
    ) as LiveSnapshot
    return stepOf(macro, next, macro.taken || next !== snapshot || macro.raw.length > 0)
  } catch (error) {
    throw faultOf(error, surroundings)
  } finally {
    closeStep()
  }
}

/** Transition logic takes every event; a context that stayed the same keeps its snapshot. */
function transitionStep(macro: Macrostep, logic: AnyActorLogic, snapshot: LiveSnapshot, event: AnyEvent): MachineStep {
  const next = logic.transition(snapshot as Snapshot<unknown>, event, scope as never) as LiveSnapshot
  const same = next.status === 'active' && next.context === snapshot.context && macro.raw.length === 0
  return stepOf(macro, same ? snapshot : next, true)
}

function stepOf(macro: Macrostep, snapshot: LiveSnapshot, handled: boolean): MachineStep {
  const actions = describeActions(macro)
  if (macro.blueprint.is === 'machine' && (macro.births.size > 0 || snapshot.status !== 'active'))
    settleChildren(macro, snapshot as AnyMachineSnapshot)
  const decision = macro.microsteps === undefined ? undefined : decisionOf(macro.before, macro.microsteps)
  return { snapshot, handled, actions, decision, nextSpawn: macro.nextNumber }
}

/** References take the places of the actors that XState built, and the dead leave with their parent. */
function settleChildren({ births }: Macrostep, snapshot: AnyMachineSnapshot): void {
  const children: Record<string, unknown> = {}
  if (snapshot.status === 'active') {
    for (const id in snapshot.children)
      if ((snapshot.children[id] as unknown) instanceof Ref) children[id] = snapshot.children[id]
    // XState keeps children without an id under one key, so only the last of them.
    for (const { actor, ref, stopped } of births.values()) if (!stopped) children[actor.id] = ref
  }
  snapshot.children = children as never
}

const known = {
  send: /^Unable to send event to actor '(.*)' from machine/,
  forward: /^Attempted to forward event to undefined actor/,
  loop: /^Infinite loop detected: the machine has processed more than (\d+)/,
}

/** What XState itself says becomes a fault; what the user's functions throw stays as it is. */
function faultOf(error: unknown, { self }: Surroundings): unknown {
  if (error instanceof Fault || !(error instanceof Error)) return error
  const { message } = error
  const name = known.send.exec(message)?.[1]
  if (name === '#_parent')
    return new Fault('send.unknown', { value: `the parent of ${self.address}, which has none` }, { cause: error })
  if (name !== undefined)
    return new Fault('send.unknown', { value: `${self.address} has no child "${name}"` }, { cause: error })
  if (known.forward.test(message))
    return new Fault('send.unknown', { value: `${self.address} forwards to nothing` }, { cause: error })
  const limit = known.loop.exec(message)?.[1]
  return limit === undefined ? error : new Fault('loop.endless', { limit }, { cause: error })
}

export function dehydrate(blueprint: Blueprint, snapshot: LiveSnapshot): StoredSnapshot {
  const { status, context, output, error } = snapshot as AnyMachineSnapshot
  if (blueprint.host === undefined) {
    const extra = Object.keys(snapshot).find(
      (key) => !isStandard(key) && (snapshot as unknown as Record<string, unknown>)[key] !== undefined,
    )
    if (extra !== undefined)
      throw new Fault('actor.unserializable', {
        value: blueprint.kind,
        reason: `the snapshot of its logic has a field "${extra}" besides status, context, output and error`,
      })
    return { status, value: null, context, history: undefined, output, error }
  }
  const { value, historyValue, _nodes: nodes } = snapshot as AnyMachineSnapshot
  let history: Record<string, string[]> | undefined
  for (const id in historyValue)
    (history ??= {})[id] = (historyValue[id] as readonly AnyStateNode[]).map((node) => node.id)
  const order = status === 'active' ? orderOf(blueprint.host, nodes) : undefined
  return { status, value, context, history, output, error, ...(order === undefined ? {} : { order }) }
}

function isStandard(key: string): boolean {
  return key === 'status' || key === 'context' || key === 'output' || key === 'error'
}

export function hydrate(blueprint: Blueprint, stored: StoredSnapshot, surroundings: Surroundings): LiveSnapshot {
  const { status, value, context, output, error, order } = stored
  const { host } = blueprint
  if (host === undefined) return { status, output, error, context } as unknown as LiveSnapshot
  try {
    return {
      ...templateOf(host, value, order),
      status,
      output,
      error,
      context: context ?? {},
      children: surroundings.children,
      historyValue: historyOf(blueprint, stored),
    } as unknown as LiveSnapshot
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new Fault(
      'actor.unmigrated',
      { value: surroundings.self.address, version: blueprint.version, reason },
      { cause },
    )
  }
}

function historyOf({ host }: Blueprint, { history }: StoredSnapshot): Record<string, readonly AnyStateNode[]> {
  const revived: Record<string, readonly AnyStateNode[]> = {}
  if (host === undefined) return revived
  for (const id in history) revived[id] = nodesNamed(host, history[id] as readonly string[])
  return revived
}
