/**
 * What XState sees of the world while it makes one macrostep: an ActorScope that is reused for
 * every step of this thread, executes nothing and writes down what happens. It serves the
 * clause "the machine makes a transition". The public `transition()` builds an actor, a system
 * and an initial snapshot for every event, and runs the user's context factory each time.
 *
 * Invariant: steps are synchronous and do not nest, so one scope serves all of them; whatever
 * a step leaves behind here is gone when the next one begins.
 */
import type { AnyActorScope, AnyTransitionDefinition } from 'xstate'
import { childAddressOf } from '#protocol/address.ts'
import { Ref, type Stage } from '#protocol/codec.ts'
import { Fault } from '#protocol/fault.ts'
import type { Blueprint } from './blueprint.ts'
import type { LiveSnapshot, Surroundings } from './machine-step.ts'

/** An action as XState hands it to its executor. */
export type RawAction = {
  readonly type: string
  readonly params: unknown
  readonly info?: { readonly context: unknown; readonly event: { readonly type: string } }
  readonly exec?: unknown
  delayName?: string
}

/** The unstarted Actor that XState builds for a child, as far as it is looked at here. */
export type Newborn = {
  readonly id: string
  readonly src: unknown
  readonly systemId: string | undefined
  readonly _syncSnapshot: boolean | undefined
}

export type Birth = {
  readonly actor: Newborn
  announced: boolean
  stopped: boolean
  placed: boolean
  number: number
  ref: Ref | undefined
}

export type Microstep = {
  readonly event: { readonly type: string }
  readonly snapshot: LiveSnapshot
  readonly transitions: readonly AnyTransitionDefinition[]
}

export type Macrostep = {
  blueprint: Blueprint
  surroundings: Surroundings
  before: LiveSnapshot | undefined
  readonly raw: RawAction[]
  readonly births: Map<unknown, Birth>
  /** Children that were alive before this step and are stopped by it: their system ids are free. */
  readonly stopped: Ref[]
  microsteps: Microstep[] | undefined
  /** Whether any transition was taken, a forbidden one included. */
  taken: boolean
  delayName: string | undefined
  /** How far `numberBirths` has come, and the numbers it gives next. */
  counted: number
  nextNumber: number
}

const nobody = undefined as unknown
const macro: Macrostep = {
  blueprint: nobody as Blueprint,
  surroundings: nobody as Surroundings,
  before: undefined,
  raw: [],
  births: new Map(),
  stopped: [],
  microsteps: undefined,
  taken: false,
  delayName: undefined,
  counted: 0,
  nextNumber: 0,
}

export function openStep(
  blueprint: Blueprint,
  surroundings: Surroundings,
  before: LiveSnapshot | undefined,
): Macrostep {
  macro.blueprint = blueprint
  macro.surroundings = surroundings
  macro.before = before
  macro.raw.length = 0
  if (macro.births.size > 0) macro.births.clear()
  macro.stopped.length = 0
  macro.microsteps = surroundings.decisions ? [] : undefined
  macro.taken = false
  macro.delayName = undefined
  macro.counted = 0
  macro.nextNumber = surroundings.nextSpawn
  scope.self = surroundings.self as never
  scope.id = surroundings.self.id
  scope.sessionId = surroundings.self.sessionId
  Ref.stage = stage
  return macro
}

export function closeStep(): void {
  Ref.stage = undefined
}

/** The delay that the next action was written with; called while XState resolves that action. */
export function noteDelay(name: string): void {
  macro.delayName = name
}

export function isDelayed(action: RawAction): boolean {
  return typeof (action.params as { delay?: unknown } | undefined)?.delay === 'number'
}

/**
 * Numbers the children born so far in the order of their actions. Delayed events take a number
 * as well, as the book counts them. Called at the end of a step, and before that only when the
 * machine asks the system for a child of this very step. An effect gets its id from the runtime
 * after the step; until then `~` and the child's id stand for whatever runs under that id.
 */
export function numberBirths(): void {
  const { blueprint, surroundings, raw, births } = macro
  for (; macro.counted < raw.length; macro.counted++) {
    const action = raw[macro.counted] as RawAction
    if (action.type === 'xstate.raise' || action.type === 'xstate.sendTo') {
      if (isDelayed(action)) macro.nextNumber++
    } else if (action.type === 'xstate.spawnChild') {
      const birth = births.get((action.params as { actorRef?: unknown }).actorRef)
      if (birth === undefined || birth.stopped) continue
      birth.number = macro.nextNumber++
      const { id, src, systemId } = birth.actor
      const { address } = surroundings.self
      birth.ref =
        blueprint.child(String(src))?.as === 'actor'
          ? new Ref(childAddressOf(address, id, birth.number), id, systemId)
          : new Ref(address, id, systemId, `~${id}`)
    }
  }
}

function refOfBirth(birth: Birth): Ref | undefined {
  if (birth.ref === undefined) numberBirths()
  return birth.ref
}

function lookup(systemId: string): Ref | undefined {
  for (const birth of macro.births.values()) {
    if (birth.actor.systemId === systemId && birth.announced && !birth.stopped) return refOfBirth(birth)
  }
  const ref = macro.surroundings.lookup(systemId)
  return ref !== undefined && macro.stopped.some((stopped) => isWithin(ref, stopped)) ? undefined : ref
}

/** Whether an actor dies with another: it is the same, or a descendant by its address. */
function isWithin(ref: Ref, stopped: Ref): boolean {
  if (stopped.effectId !== undefined) return ref.effectId === stopped.effectId
  return ref.address === stopped.address || ref.address.startsWith(`${stopped.address}~`)
}

const system = {
  get: lookup,
  getAll(): Record<string, Ref> {
    const all: Record<string, Ref> = {}
    for (const name of Object.keys(macro.surroundings.registered())) {
      const ref = lookup(name)
      if (ref !== undefined) all[name] = ref
    }
    for (const { actor } of macro.births.values()) {
      const ref = actor.systemId === undefined ? undefined : lookup(actor.systemId)
      if (ref !== undefined) all[actor.systemId as string] = ref
    }
    return all
  },
  inspect: () => ({ unsubscribe() {} }),
  getSnapshot: () => ({ _scheduledEvents: {} }),
  start() {},
  scheduler: { schedule() {}, cancel() {}, cancelAll() {} },
  _clock: { setTimeout: () => 0, clearTimeout() {} },
  _logger() {},
  _snapshot: { _scheduledEvents: {} },
  /** The id of a child that was spawned without one; XState counts them over the whole process. */
  _bookId: () => `x:${macro.surroundings.nextSpawn + macro.births.size}`,
  _register() {},
  _unregister() {},
  _set(systemId: string): void {
    if (lookup(systemId) !== undefined) throw new Error(`Actor with system ID '${systemId}' already exists.`)
  },
  _relay: (_from: unknown, to: unknown, event: unknown) => recordSend(to, event),
  _sendInspectionEvent(
    inspected: { readonly type: string; readonly actorRef?: unknown } & Partial<Microstep> & {
        readonly _transitions?: Microstep['transitions']
      },
  ): void {
    if (inspected.type === '@xstate.microstep') {
      const {
        event,
        snapshot,
        _transitions: transitions,
      } = inspected as Microstep & { _transitions: Microstep['transitions'] }
      if (transitions.length > 0) macro.taken = true
      macro.microsteps?.push({ event, snapshot, transitions })
    } else if (inspected.type === '@xstate.actor') {
      macro.births.set(inspected.actorRef, {
        actor: inspected.actorRef as Newborn,
        announced: false,
        stopped: false,
        placed: false,
        number: 0,
        ref: undefined,
      })
    }
  },
}

function recordSend(to: unknown, event: unknown): void {
  macro.raw.push({ type: 'xstate.sendTo', params: { to, event } })
}

function execute(action: RawAction): void {
  if (macro.delayName !== undefined) {
    action.delayName = macro.delayName
    macro.delayName = undefined
  }
  if (action.type === 'xstate.spawnChild') {
    const { actorRef, src } = action.params as { actorRef?: unknown; src: unknown }
    const birth = macro.births.get(actorRef)
    if (birth === undefined) throw new Fault('spawn.unknown', { value: String(src) })
    birth.announced = true
  } else if (action.type === 'xstate.stopChild' && action.params !== undefined) {
    const birth = macro.births.get(action.params)
    if (birth !== undefined) birth.stopped = true
    else if (action.params instanceof Ref) macro.stopped.push(action.params)
  }
  macro.raw.push(action)
}

export const scope = {
  self: nobody,
  id: '',
  sessionId: '',
  system,
  logger() {},
  defer() {},
  stopChild() {},
  emit(event: unknown): void {
    macro.raw.push({ type: 'xstate.emit', params: { event } })
  },
  actionExecutor: execute,
} as unknown as AnyActorScope

const stage: Stage = {
  system,
  parentOf: (ref) => (isSelf(ref) ? macro.surroundings.parent : undefined),
  snapshotOf: (ref) => (isSelf(ref) ? macro.before : macro.surroundings.snapshotOf?.(ref)),
  send: recordSend,
}

/** By name: a context may hold a reference to its own actor that was read back from storage. */
function isSelf(ref: Ref): boolean {
  return ref.address === macro.surroundings.self.address && ref.effectId === undefined
}
