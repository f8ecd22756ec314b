/**
 * What XState sees of the world while it makes one macrostep: an ActorScope that is reused for
 * every step of this thread, executes nothing and writes down what happens. It serves the
 * clause "the machine makes a transition". The public `transition()` builds an actor, a system
 * and an initial snapshot for every event, and runs the user's context factory each time.
 *
 * Invariant: steps are synchronous and do not nest, so one scope serves all of them; whatever
 * a step leaves behind here is gone when the next one begins.
 */
import type { AnyActorScope } from 'xstate'
import { Ref, type Stage } from '#protocol/codec.ts'
import { Fault } from '#protocol/fault.ts'
import type { Blueprint } from './blueprint.ts'
import type { LiveSnapshot, Surroundings } from './machine-step.ts'
import {
  birthOf,
  everybody,
  lookUp,
  type Macrostep,
  type Microstep,
  type Newborn,
  numberBirths,
  type RawAction,
} from './macrostep.ts'

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

const system = {
  get: (systemId: string) => lookUp(macro, systemId),
  getAll: () => everybody(macro),
  inspect: () => ({ unsubscribe() {} }),
  getSnapshot: () => ({ _scheduledEvents: {} }),
  start() {},
  scheduler: { schedule() {}, cancel() {}, cancelAll() {} },
  _clock: { setTimeout: () => 0, clearTimeout() {} },
  _logger() {},
  _snapshot: { _scheduledEvents: {} },
  /** The id of a child that is spawned without one: its number. XState counts over the whole process. */
  _bookId(): string {
    numberBirths(macro)
    return `x:${macro.nextNumber}`
  },
  _register() {},
  _unregister() {},
  _set(systemId: string): void {
    if (lookUp(macro, systemId) !== undefined) throw new Error(`Actor with system ID '${systemId}' already exists.`)
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
    const { params } = action
    const birth = macro.births.get(params) ?? (params instanceof Ref ? birthOf(macro, params) : undefined)
    if (birth !== undefined) birth.stopped = true
    else if (params instanceof Ref) macro.stopped.push(params)
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
