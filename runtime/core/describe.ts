/**
 * The actions of one macrostep as data. It serves the clause "what the actor sent, its timers":
 * every kind of XState action has one description here, none is executed. Invariant: the order
 * is XState's, but for one thing: a child is spawned before it is sent to, and a child that was
 * spawned and stopped within the step never was.
 */
import { parseAddress } from '#protocol/address.ts'
import { Ref } from '#protocol/codec.ts'
import type { AnyEvent } from '#protocol/envelope.ts'
import { Fault } from '#protocol/fault.ts'
import { isSameEffect } from './effect-ref.ts'
import type { MachineAction } from './machine-step.ts'
import { type Birth, birthOf, type Macrostep, numberBirths, type RawAction } from './macrostep.ts'

const none: readonly MachineAction[] = []

export function describeActions(macro: Macrostep): readonly MachineAction[] {
  const { raw, births } = macro
  for (const { actor, announced } of births.values()) {
    if (!announced) throw new Fault('spawn.inline', { value: nameOf(actor.src, actor.id) })
  }
  if (raw.length === 0) return none
  numberBirths(macro)
  const actions: MachineAction[] = []
  let timers = macro.surroundings.nextSpawn
  for (const action of raw) {
    const described = describeOne(macro, action, actions, timers)
    if (described === undefined) continue
    if ('delay' in described || described.do === 'spawn') timers++
    actions.push(described)
  }
  return actions
}

type Sent = {
  readonly event: AnyEvent
  readonly id: string | undefined
  readonly delay: number | undefined
  readonly to: unknown
}

function describeOne(
  macro: Macrostep,
  action: RawAction,
  actions: MachineAction[],
  number: number,
): MachineAction | undefined {
  switch (action.type) {
    case 'xstate.raise': {
      const { event, id, delay } = action.params as Sent
      // Without a delay it has been consumed in this very macrostep.
      if (typeof delay !== 'number') return undefined
      return {
        do: 'raise',
        event,
        delay: soundDelay(delay),
        id: id ?? `raise.${number}`,
        delayName: delayNameOf(macro, action),
      }
    }
    case 'xstate.sendTo': {
      const { event, id, delay, to } = action.params as Sent
      const target = targetOf(macro, to, actions)
      if (target === undefined) return undefined
      if (typeof delay !== 'number')
        return { do: 'send', to: target, event: event.type === 'xstate.error' ? errorEventOf(macro, event) : event }
      return {
        do: 'send',
        to: target,
        event,
        delay: soundDelay(delay),
        delayName: delayNameOf(macro, action),
        ...(id === undefined ? {} : { id }),
      }
    }
    case 'xstate.cancel': {
      const { sendId } = action.params as { sendId: string | undefined }
      return sendId === undefined ? undefined : { do: 'cancel', id: sendId }
    }
    case 'xstate.spawnChild': {
      const birth = macro.births.get((action.params as { actorRef: unknown }).actorRef)
      return birth === undefined ? undefined : place(macro, birth, action)
    }
    case 'xstate.stopChild':
      return stopOf(macro, action.params)
    case 'xstate.emit':
      return { do: 'emit', event: (action.params as Sent).event }
    case 'xstate.log': {
      const { label, value } = action.params as { label: string | undefined; value: unknown }
      return { do: 'log', label, value }
    }
    default:
      return action.type.startsWith('perdure.') ? ownOf(action) : namedOf(macro, action)
  }
}

function place(macro: Macrostep, birth: Birth, action: RawAction): MachineAction | undefined {
  const { actor, ref } = birth
  if (birth.stopped || birth.placed || ref === undefined) return undefined
  if (typeof actor.src !== 'string') throw new Fault('spawn.inline', { value: nameOf(actor.src, actor.id) })
  birth.placed = true
  const { input } = action.params as { input: unknown }
  const as = macro.blueprint.child(actor.src)?.as ?? 'effect'
  return {
    do: 'spawn',
    as,
    id: actor.id,
    src: actor.src,
    input,
    systemId: actor.systemId,
    sync: actor._syncSnapshot === true,
    spawn: birth.number,
  }
}

function targetOf(macro: Macrostep, to: unknown, actions: MachineAction[]): Ref | undefined {
  if (to instanceof Ref) return birthOf(macro, to)?.stopped === true ? undefined : to
  const birth = macro.births.get(to)
  if (birth !== undefined) {
    if (birth.stopped) return undefined
    if (!birth.placed) {
      const action = macro.raw.find(
        (one) => one.type === 'xstate.spawnChild' && (one.params as { actorRef: unknown }).actorRef === to,
      )
      const spawn = action === undefined ? undefined : place(macro, birth, action)
      if (spawn !== undefined) actions.push(spawn)
    }
    return birth.ref
  }
  // A reference that went through JSON on its way here.
  const { xstate$$type: mark, address, effectId } = (to ?? {}) as Readonly<Record<string, unknown>>
  if (mark === 1 && typeof address === 'string')
    return new Ref(parseAddress(address), address, undefined, typeof effectId === 'string' ? effectId : undefined)
  throw new Fault('send.unknown', { value: nameOf(to, 'the target is not a reference') })
}

function stopOf(macro: Macrostep, target: unknown): MachineAction | undefined {
  if (!(target instanceof Ref)) return undefined
  const { self, children, spawned } = macro.surroundings
  const child = children[target.id]
  const isNamed = child?.address === target.address && isSameEffect(spawned, child.effectId, target.effectId)
  if (isNamed) return { do: 'stop', id: target.id }
  const own =
    target.effectId === undefined ? target.address.startsWith(`${self.address}~`) : target.address === self.address
  // A child of an earlier spawn has ended already.
  if (own) return undefined
  throw new Fault('child.foreign', { value: target.id, self: self.address })
}

/** What a machine says to its parent about its own failure; XState fills in the child's id when it sends. */
function errorEventOf(macro: Macrostep, event: AnyEvent): AnyEvent {
  const { id } = macro.surroundings.self
  return { type: `xstate.error.actor.${id}`, error: event['data'], actorId: id }
}

function delayNameOf({ blueprint }: Macrostep, { delayName, params }: RawAction): string {
  const { id, delay } = params as Sent
  return delayName ?? (id === undefined ? String(delay) : (blueprint.host?.afterNames.get(id) ?? id))
}

/** What `setTimeout` makes of it; a delay without end stays one. */
function soundDelay(delay: number): number {
  return delay > 0 ? delay : 0
}

function ownOf({ type, params }: RawAction): MachineAction {
  return { do: type.slice('perdure.'.length), ...(params as object) } as MachineAction
}

function namedOf({ blueprint }: Macrostep, { type, params, info, exec }: RawAction): MachineAction | undefined {
  const named = blueprint.action(type)
  if (typeof exec === 'function' && exec !== named) throw new Fault('action.inline', { value: type })
  // XState goes past a name without an implementation; there is nothing to run.
  if (named === undefined) return undefined
  return { do: 'act', name: type, params, event: info?.event as AnyEvent, context: info?.context }
}

function nameOf(value: unknown, otherwise: string): string {
  if (typeof value === 'string') return value
  const { id } = (value ?? {}) as { id?: unknown }
  return typeof id === 'string' ? id : otherwise
}
