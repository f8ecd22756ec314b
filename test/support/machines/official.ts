/**
 * XState's own `transition()` and our step, told in the same words, so that they can be compared:
 * references by their role, state nodes by their ids, actions as plain data.
 */
import type { AnyMachineSnapshot, AnyStateNode } from 'xstate'
import { Ref } from '#protocol/codec.ts'
import type { LiveSnapshot, MachineAction } from '#runtime/core/machine-step.ts'

export type Told = Readonly<Record<string, unknown>>

/** Everything about a snapshot that a user or a later step could tell apart. */
export function tellSnapshot(snapshot: LiveSnapshot): Told {
  const {
    status,
    context,
    output,
    error,
    value,
    historyValue,
    _nodes: nodes,
    tags,
    children,
  } = snapshot as AnyMachineSnapshot
  const isActive = status === 'active'
  return {
    status,
    context: named(context),
    output: named(output),
    error: error instanceof Error ? error.message : error,
    value: value === undefined ? undefined : JSON.stringify(value),
    // XState turns the order round when a machine ends, and nobody steps it again.
    nodes: isActive ? nodes?.map(({ id }: AnyStateNode) => id) : undefined,
    tags: tags === undefined ? undefined : [...tags].sort(),
    meta: nodes === undefined ? undefined : (snapshot as AnyMachineSnapshot).getMeta(),
    history:
      historyValue === undefined
        ? undefined
        : Object.fromEntries(
            Object.entries(historyValue).map(([id, all]) => [id, (all as AnyStateNode[]).map((node) => node.id)]),
          ),
    // XState keeps children without an id under one key, so only the last of them; we keep them all.
    children: isActive && children !== undefined ? [...new Set(Object.values(children).map(nameOf))].sort() : undefined,
  }
}

type Raw = { readonly type: string; readonly params: any; readonly info?: any; readonly exec?: unknown }

/** A child that is spawned and stopped in one step never was, and one is spawned before it is sent to. */
export function tellOfficial(actions: readonly Raw[]): Told[] {
  const spawns = actions.filter(({ type }) => type === 'xstate.spawnChild')
  const stopped = new Set(actions.filter(({ type }) => type === 'xstate.stopChild').map(({ params }) => params))
  const born = new Set(spawns.map(({ params }) => params.actorRef))
  const never = new Set([...born].filter((one) => stopped.has(one)))
  const placed = new Set<unknown>()
  const told: Told[] = []
  const place = (actor: unknown): void => {
    const action = spawns.find(({ params }) => params.actorRef === actor)
    if (action === undefined || placed.has(actor)) return
    placed.add(actor)
    const { id, src, systemId, _syncSnapshot: sync } = action.params.actorRef
    told.push({ do: 'spawn', id: childName(id), src, systemId, sync: sync === true, input: named(action.params.input) })
  }
  for (const { type, params, info, exec } of actions) {
    if (type === 'xstate.raise') {
      if (typeof params.delay === 'number')
        told.push({ do: 'raise', event: named(params.event), delay: params.delay, id: params.id ?? 'raise' })
    } else if (type === 'xstate.sendTo') {
      if (never.has(params.to)) continue
      place(params.to)
      told.push({ do: 'send', to: nameOf(params.to), event: named(params.event), delay: params.delay, id: params.id })
    } else if (type === 'xstate.spawnChild') {
      if (!never.has(params.actorRef)) place(params.actorRef)
    } else if (type === 'xstate.stopChild') {
      if (params !== undefined && !never.has(params)) told.push({ do: 'stop', id: nameOf(params) })
    } else if (type === 'xstate.cancel') told.push({ do: 'cancel', id: params.sendId })
    else if (type === 'xstate.emit') told.push({ do: 'emit', event: named(params.event) })
    else if (type === 'xstate.log') told.push({ do: 'log', label: params.label, value: named(params.value) })
    else if (exec !== undefined)
      told.push({
        do: 'act',
        name: type,
        params: named(params),
        event: named(info.event),
        context: named(info.context),
      })
  }
  return told
}

export function tellOurs(actions: readonly MachineAction[]): Told[] {
  const unnamed = actions.filter((action) => action.do === 'stop' && childName(action.id) === 'x:?')
  return actions
    .filter((action) => !unnamed.includes(action, 1))
    .map((action) => {
      switch (action.do) {
        case 'raise':
          return {
            do: 'raise',
            event: named(action.event),
            delay: action.delay,
            id: action.id.replace(/^raise\.\d+$/, 'raise'),
          }
        case 'send':
          return { do: 'send', to: nameOf(action.to), event: named(action.event), delay: action.delay, id: action.id }
        case 'spawn':
          return {
            do: 'spawn',
            id: childName(action.id),
            src: action.src,
            systemId: action.systemId,
            sync: action.sync,
            input: named(action.input),
          }
        case 'stop':
          return { do: 'stop', id: childName(action.id) }
        default:
          return named(action) as Told
      }
    })
}

const ownAddress = /^[^~]*$/

function nameOf(actor: unknown): string {
  if (actor instanceof Ref)
    return ownAddress.test(actor.address) && actor.effectId === undefined ? 'self' : childName(actor.id)
  const { _parent: parent, id } = actor as { _parent?: unknown; id: string }
  return parent === undefined ? 'self' : childName(id)
}

/** XState counts children without an id over the whole process. */
function childName(id: string): string {
  return id.replace(/^x:\d+$/, 'x:?')
}

export function named(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Ref || ('sessionId' in value && '_parent' in value)) return `ref:${nameOf(value)}`
  if (Array.isArray(value)) return value.map(named)
  if (Object.getPrototypeOf(value) !== Object.prototype) return value
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, named(one)]))
}
