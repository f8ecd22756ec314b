/**
 * One step: an arrival meets an actor. It serves the clause "the machine makes a transition",
 * and is a pure function but for the live actor it is handed, which it changes; when it throws,
 * its caller drops that one and takes the last written state instead (see `supervise.ts`).
 */
import type { Address } from '#protocol/address.ts'
import { isChild } from '#protocol/address.ts'
import type { AnyEvent, Arrived, EffectResult } from '#protocol/envelope.ts'
import { Fault, plainErrorOf, type StoredFault, storedFaultOf } from '#protocol/fault.ts'
import type { Decision, StepNote } from '#protocol/record.ts'
import type { Effect } from '#protocol/state.ts'
import type { Arrival, Circumstances, Deed, Outcome, Output } from './arrival.ts'
import type { Blueprint } from './blueprint.ts'
import { beginActor, endActor, forgetActor } from './lifecycle.ts'
import { cancelTimer, type Draft, dropEffect, interpret, sent } from './interpret.ts'
import { type Family, type Live, surroundingsOf } from './live.ts'
import { eventStep } from './machine.ts'
import { fireTimer } from './fire.ts'
import { openQuestion } from './question.ts'
import { problemsOf } from './validate.ts'

export type StepInput = {
  readonly root: Blueprint
  readonly live: Live | undefined
  readonly address: Address
  readonly arrival: Arrival
  readonly around: Circumstances
  readonly family: Family
}

export type Stepped = { readonly live: Live | undefined; readonly outcome: Outcome }

/** A step in the making, with what its end needs to know. */
export type Making = Draft & {
  mark: StepNote['mark']
  decision: Decision | undefined
  changed: boolean
  gone: boolean
  /** Whether the machine's snapshot moved: a watching parent is told then. */
  moved: boolean
}

export function step(input: StepInput): Stepped {
  const { arrival } = input
  switch (arrival.by) {
    case 'envelope':
      return onEnvelope(input, arrival.envelope)
    case 'timer':
      return onLive(input, `timer:${arrival.name}`, (making) => fireTimer(making, arrival.name, arrival.visit))
    case 'topic':
      return onLive(input, arrival.event.type, (making) => onTopic(making, arrival))
    case 'settled':
      return onLive(input, 'perdure.settled', (making) => {
        dropEffect(making.live, arrival.effect)
        making.changed = true
      })
    case 'attempted':
      return onLive(input, 'perdure.attempted', (making) => onAttempted(making, arrival))
    case 'start':
      if (input.live !== undefined) return nothing(input.live, 'perdure.start', 'duplicate')
      return onNew(input, { input: undefined }, 'perdure.start')
  }
}

function onEnvelope(input: StepInput, envelope: Arrived): Stepped {
  const { live, address } = input
  const { content } = envelope
  const type = content.is === 'event' ? content.event.type : `perdure.${content.is}`
  if (live?.book.unfit !== undefined && content.is !== 'delete') return parked(input, envelope, type, live.book.unfit)
  if (content.is === 'start') return onStart(input, envelope)
  if (live === undefined) {
    if (content.is === 'watch') return tellWatcher(input, content.watcher)
    if (content.is !== 'event') return nothing(live, type, 'stale')
    if (isChild(address)) return isInternal(type) ? nothing(live, type, 'stale') : parked(input, envelope, type, storedFaultOf(new Fault('actor.absent', { value: address })))
    return onNew(input, { input: undefined }, type, (making) => onEvent(making, envelope, content.event))
  }
  if (live.book.ended !== undefined) return onEnded(input, live, envelope, type)
  return onLive(input, type, (making) => {
    switch (content.is) {
      case 'event':
        return onEvent(making, envelope, content.event)
      case 'effect':
      case 'resolveEffect':
        return onEffect(making, content.effect, content.result)
      case 'stop':
        making.changed = true
        if (content.reason === 'parent') return forgetActor(making)
        return endActor(making, 'stopped', {})
      case 'delete':
        return forgetActor(making)
      case 'watch': {
        const watchers = live.book.watchers ?? []
        if (!watchers.includes(content.watcher)) live.book.watchers = [...watchers, content.watcher]
        making.changed = true
        return
      }
      case 'unwatch':
        live.book.watchers = (live.book.watchers ?? []).filter((one) => one !== content.watcher)
        making.changed = true
        return
      case 'cancelTimer':
        cancelTimer(live, content.name)
        making.changed = true
        return
      case 'cancel':
        return onCancel(making, content.ask, envelope.from)
    }
  })
}

/** Runs one handler on a live actor and closes the step. */
function onLive(input: StepInput, type: string, handle: (making: Making) => void): Stepped {
  const { live } = input
  if (live === undefined || live.book.unfit !== undefined) return nothing(live, type, 'stale')
  const making = makingOf(input, live)
  handle(making)
  return close(making, type)
}

function onNew(input: StepInput, start: { readonly input: unknown; readonly parent?: Live['book']['parent'] }, type: string, then?: (making: Making) => void): Stepped {
  const live = beginActor(input, start)
  const making = makingOf(input, live.live)
  making.changed = true
  live.settle(making)
  if (then !== undefined && making.live.book.ended === undefined) then(making)
  return close(making, type)
}

function onStart(input: StepInput, envelope: Arrived): Stepped {
  const { content } = envelope
  if (content.is !== 'start') return nothing(input.live, 'perdure.start', 'stale')
  if (input.live !== undefined) {
    const same = JSON.stringify(input.live.book.input) === JSON.stringify(content.input)
    if (same || content.parent !== undefined) return nothing(input.live, 'perdure.start', 'duplicate')
    return parked(input, envelope, 'perdure.start', storedFaultOf(new Fault('actor.exists', { value: input.address })))
  }
  return onNew(input, { input: content.input, parent: content.parent }, 'perdure.start')
}

function onEvent(making: Making, envelope: Arrived, event: AnyEvent): void {
  const { live, around } = making
  if (envelope.id !== undefined && !rememberId(live, `${envelope.from ?? ''}:${envelope.id}`, around.now)) {
    making.mark = 'duplicate'
    return
  }
  if (isInternal(event.type)) {
    if (!isOfPresentChild(live, envelope, event)) {
      making.mark = 'stale'
      return
    }
  } else {
    const problems = problemsOf(live.blueprint, event)
    if (problems !== undefined) throw new Fault('event.invalid', { value: event.type, kind: live.blueprint.kind, problems })
    if (envelope.ask !== undefined) {
      openQuestion(live, envelope.ask, around.now)
      making.changed = true
    }
  }
  takeEvent(making, event, () => unhandled(making, envelope, event))
}

/** One event through the machine; whatever waited is tried again when that changed its state. */
export function takeEvent(making: Making, event: AnyEvent, otherwise: () => void): void {
  const { live } = making
  const taken = eventStep(live.blueprint, live.snapshot, event, surroundingsOf(live, making.family))
  if (taken.decision !== undefined) making.decision = taken.decision
  if (!taken.handled) return otherwise()
  settle(making, taken.snapshot, () => interpret(making, taken.actions))
  if (live.book.deferred !== undefined && live.book.ended === undefined) retryDeferred(making)
}

/** Takes over a new snapshot: its actions, then its end if it came to one. */
export function settle(making: Making, snapshot: Live['snapshot'], act: () => void): void {
  const { live } = making
  live.snapshot = snapshot
  making.changed = true
  making.moved = true
  act()
  const { status } = snapshot
  if (status === 'active') return
  const end = snapshot as { output?: unknown; error?: unknown }
  endActor(making, status === 'done' ? 'done' : status === 'error' ? 'error' : 'stopped', { output: end.output, error: end.error })
}

function retryDeferred(making: Making): void {
  const { live } = making
  for (let at = 0; at < (live.book.deferred?.length ?? 0); ) {
    const waiting = (live.book.deferred ?? [])[at]
    const content = waiting?.envelope.content
    if (content?.is !== 'event') return
    const taken = eventStep(live.blueprint, live.snapshot, content.event, surroundingsOf(live, making.family))
    if (!taken.handled) {
      at++
      continue
    }
    const left = (live.book.deferred ?? []).filter((_, index) => index !== at)
    if (left.length > 0) live.book.deferred = left
    else delete live.book.deferred
    settle(making, taken.snapshot, () => interpret(making, taken.actions))
    if (live.book.ended !== undefined) return
    at = 0
  }
}

function unhandled(making: Making, envelope: Arrived, event: AnyEvent): void {
  const { live, outputs } = making
  making.mark = 'unhandled'
  if (isInternal(event.type)) return
  const { unhandled: policy = 'ignore', deferLimit = 100 } = live.blueprint.options
  const fault = (): Fault => new Fault('event.unhandled', { value: event.type, kind: live.blueprint.kind, state: JSON.stringify((live.snapshot as { value?: unknown }).value ?? null) })
  count(live, 'unhandled')
  making.changed = true
  if (policy === 'fail') throw fault()
  if (policy === 'defer') {
    const deferred = live.book.deferred ?? []
    if (deferred.length < deferLimit) {
      making.mark = 'deferred'
      const { seq, sender, ...plain } = envelope
      live.book.deferred = [...deferred, { envelope: plain, sender, seq }]
      return
    }
    parkInto(making, envelope, storedFaultOf(new Fault('event.deferredTooMany', { value: event.type, limit: deferLimit })))
    return
  }
  if (policy === 'park') return parkInto(making, envelope, storedFaultOf(fault()))
  // Ignored as XState does; but who asked shall not wait for an answer that cannot come.
  if (envelope.ask !== undefined) {
    outputs.push({ is: 'reply', ask: envelope.ask, answer: { is: 'fault', fault: storedFaultOf(fault()) } })
    live.book.asks = (live.book.asks ?? []).filter((one) => one.id !== envelope.ask?.id)
  }
}

function onTopic(making: Making, arrival: Extract<Arrival, { by: 'topic' }>): void {
  const { live } = making
  const subscription = live.book.subscriptions?.find((one) => one.pattern === arrival.pattern)
  if (subscription === undefined || subscription.from >= arrival.seq || live.book.ended !== undefined) {
    making.mark = 'stale'
    return
  }
  live.book.subscriptions = (live.book.subscriptions ?? []).map((one) => (one === subscription ? { ...one, from: arrival.seq } : one))
  making.changed = true
  takeEvent(making, arrival.event, () => {
    making.mark = 'unhandled'
    count(live, 'unhandled')
  })
}

function onEffect(making: Making, id: string, result: EffectResult): void {
  const { live } = making
  const effect = live.book.effects?.[id]
  if (effect === undefined) {
    making.mark = 'stale'
    return
  }
  making.changed = true
  const child = effect.child ?? effect.name
  switch (result.is) {
    case 'event':
    case 'snapshot': {
      if (result.nth <= effect.taken) {
        making.mark = 'duplicate'
        return
      }
      live.book.effects = { ...live.book.effects, [id]: { ...effect, taken: result.nth } }
      const event = result.is === 'event' ? result.event : { type: `xstate.snapshot.${child}`, snapshot: result.snapshot }
      return takeEvent(making, event, () => {
        making.mark = 'unhandled'
      })
    }
    case 'done':
      finish(making, effect)
      if (effect.is === 'action') return
      return takeEvent(making, { type: `xstate.done.actor.${child}`, output: result.output, actorId: child }, () => {
        making.mark = 'unhandled'
      })
    case 'error':
    case 'unknown': {
      finish(making, effect)
      if (effect.is === 'action') return
      const error = result.is === 'error' ? result.error : plainErrorOf(new Fault('effect.unknown', { value: effect.name }))
      return takeEvent(making, { type: `xstate.error.actor.${child}`, error, actorId: child }, () => {
        making.mark = 'unhandled'
      })
    }
  }
}

/** XState keeps a finished child in `children`; the effect itself is over. */
function finish(making: Making, effect: Effect): void {
  dropEffect(making.live, effect.id)
}

function onAttempted(making: Making, arrival: Extract<Arrival, { by: 'attempted' }>): void {
  const { live } = making
  const effect = live.book.effects?.[arrival.effect]
  if (effect === undefined) {
    making.mark = 'stale'
    return
  }
  making.changed = true
  live.book.effects = { ...live.book.effects, [effect.id]: { ...effect, attempt: arrival.attempt, notBefore: arrival.notBefore, lastError: arrival.error } }
}

function onCancel(making: Making, ask: string, from: string | undefined): void {
  const { live, deeds } = making
  const mine = (one: { readonly to: string; readonly id: string } | undefined): boolean => one?.id === ask && one.to === from
  live.book.asks = (live.book.asks ?? []).filter((one) => !mine(one))
  making.changed = true
  for (const effect of Object.values(live.book.effects ?? {})) {
    if (mine(effect.ask)) deeds.push({ is: 'abort', effect: effect.id, reason: 'cancelled' })
  }
}

function onEnded(input: StepInput, live: Live, envelope: Arrived, type: string): Stepped {
  const { content } = envelope
  const { ended } = live.book
  if (content.is === 'watch') return tellWatcher(input, content.watcher)
  const byParent = content.is === 'stop' && content.reason === 'parent'
  if (content.is === 'delete' || byParent) {
    const making = makingOf(input, live)
    forgetActor(making)
    return close(making, type)
  }
  // Late results and signals of a finished life are expected; only events of somebody are kept.
  if (content.is !== 'event' || isInternal(type)) return nothing(live, type, 'stale')
  const fault = storedFaultOf(new Fault('actor.done', { value: live.address, reason: ended?.reason ?? 'done' }))
  return parked(input, envelope, type, fault)
}

function tellWatcher(input: StepInput, watcher: Address): Stepped {
  const { live, address } = input
  const reason = live?.book.ended?.reason ?? 'absent'
  const event = { type: 'actor.ended', address, reason, output: live?.stored?.output }
  return { live, outcome: { ...blank('perdure.watch'), outputs: [sent({ deadline: undefined }, watcher, { is: 'event', event })] } }
}

/** Sets an envelope aside without touching the actor's state, except for its count. */
export function parked(input: Pick<StepInput, 'live'>, envelope: Arrived, type: string, fault: StoredFault): Stepped {
  const outputs: Output[] = [{ is: 'park', envelope, fault }]
  if (envelope.ask !== undefined) outputs.push({ is: 'reply', ask: envelope.ask, answer: { is: 'fault', fault } })
  if (input.live !== undefined) count(input.live, 'parked')
  return { live: input.live, outcome: { ...blank(type), outputs, mark: 'parked', changed: input.live !== undefined } }
}

export function parkInto(making: Making, envelope: Arrived, fault: StoredFault): void {
  making.outputs.push({ is: 'park', envelope, fault })
  if (envelope.ask !== undefined) making.outputs.push({ is: 'reply', ask: envelope.ask, answer: { is: 'fault', fault } })
  count(making.live, 'parked')
  making.mark = 'parked'
  making.changed = true
}

export function count(live: Live, what: 'unhandled' | 'parked'): void {
  live.book.counts = { ...live.book.counts, [what]: (live.book.counts?.[what] ?? 0) + 1 }
}

function nothing(live: Live | undefined, type: string, mark: StepNote['mark']): Stepped {
  return { live, outcome: { ...blank(type), mark } }
}

export function blank(type: string): Outcome {
  return { outputs: [], deeds: [] as Deed[], mark: undefined, type, decision: undefined, changed: false, gone: false }
}

export function makingOf(input: Pick<StepInput, 'arrival' | 'around' | 'family'>, live: Live): Making {
  const { arrival, around, family } = input
  const envelope = arrival.by === 'envelope' ? arrival.envelope : undefined
  const begun = arrival.by === 'timer' ? live.book.timers?.[arrival.name]?.ask : effectOf(live, envelope)?.ask
  const ask = envelope?.ask ?? begun
  return {
    live,
    around,
    family,
    outputs: [],
    deeds: [],
    ask,
    deadline: envelope?.deadline ?? ask?.deadline,
    from: envelope?.from?.includes('/') === true ? (envelope.from as Address) : undefined,
    cause: envelope === undefined ? undefined : String(envelope.seq),
    effects: 0,
    mark: undefined,
    decision: undefined,
    changed: false,
    gone: false,
    moved: false,
  }
}

function effectOf(live: Live, envelope: Arrived | undefined): Effect | undefined {
  const content = envelope?.content
  return content?.is === 'effect' || content?.is === 'resolveEffect' ? live.book.effects?.[content.effect] : undefined
}

function close(making: Making, type: string): Stepped {
  const { live, around, outputs, deeds, mark, decision, changed, gone, moved } = making
  live.steps++
  live.steppedAt = around.now
  const { parent } = live.book
  if (moved && parent?.sync === true && live.book.ended === undefined) {
    const snapshot = live.snapshot as { status: string; value?: unknown; context?: unknown; output?: unknown }
    const seen = { status: snapshot.status, value: snapshot.value, context: snapshot.context, output: snapshot.output }
    outputs.push(sent(making, parent.address, { is: 'event', event: { type: `xstate.snapshot.${parent.id}`, snapshot: seen } }))
  }
  return { live: gone ? undefined : live, outcome: { outputs, deeds, mark, type, decision, changed, gone } }
}

function isInternal(type: string): boolean {
  return type.startsWith('xstate.')
}

/** Signals of children count only while that very spawn lives: a later one of the same id is another. */
function isOfPresentChild(live: Live, envelope: Arrived, event: AnyEvent): boolean {
  const id = /^xstate\.(?:done\.actor|error\.actor|snapshot)\.(.+)$/.exec(event.type)?.[1]
  if (id === undefined) return true
  return live.book.children?.[id]?.address === envelope.from
}

/** False when this id was seen before. Kept for a day, a thousand at most, oldest out first. */
function rememberId(live: Live, id: string, now: number): boolean {
  const ids = live.book.ids ?? {}
  if (ids[id] !== undefined) return false
  const names = Object.keys(ids)
  const kept: Record<string, number> = {}
  for (let at = Math.max(0, names.length - 999); at < names.length; at++) {
    const name = names[at] as string
    if ((ids[name] as number) > now - 86_400_000) kept[name] = ids[name] as number
  }
  kept[id] = now
  live.book.ids = kept
  return true
}
