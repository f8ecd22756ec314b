/**
 * One event through an actor's machine. It serves the clause "the machine makes a transition".
 * Invariant: an event that no state handles is counted and follows the policy of its kind,
 * whether an envelope brought it or the node itself: a timer, a schedule, a topic, an effect.
 */
import type { Address } from '#protocol/address.ts'
import type { AnyEvent, Arrived } from '#protocol/envelope.ts'
import { Fault, type StoredFault, storedFaultOf } from '#protocol/fault.ts'
import type { Deferred } from '#protocol/state.ts'
import { envelopeOf } from './envelope-of.ts'
import { interpret } from './interpret.ts'
import { endActor } from './lifecycle.ts'
import { type Live, surroundingsOf } from './live.ts'
import { eventStep } from './machine.ts'
import type { MachineStep } from './machine-step.ts'
import { count, type Making, parkInto } from './making.ts'
import { closeQuestion } from './question.ts'

/** One event through the machine; whatever waited is tried again when that changed its state. */
export function takeEvent(making: Making, event: AnyEvent): void {
  const { live } = making
  const taken = eventStep(live.blueprint, live.snapshot, event, surroundingsOf(live, making.family))
  if (taken.decision !== undefined) making.decision = taken.decision
  // A parent that follows the snapshots is told of every event its child took, also when nothing came of it.
  making.moved = true
  if (!taken.handled) return unhandled(making, event)
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
  endActor(making, status === 'done' ? 'done' : status === 'error' ? 'error' : 'stopped', {
    output: end.output,
    error: end.error,
  })
}

/** What waited for a state that handles it, from the oldest on, until none of it is handled any more. */
export function retryDeferred(making: Making, isForgiving = false): void {
  const { live } = making
  if (live.book.ended !== undefined) return
  for (let at = 0; at < (live.book.deferred?.length ?? 0);) {
    const waiting = (live.book.deferred ?? [])[at]
    const content = waiting?.envelope.content
    if (waiting === undefined || content?.is !== 'event') return
    const taken = attempt(making, content.event, isForgiving)
    if ('handled' in taken && !taken.handled) {
      at++
      continue
    }
    making.changed = true
    const left = (live.book.deferred ?? []).filter((_, index) => index !== at)
    if (left.length > 0) live.book.deferred = left
    else delete live.book.deferred
    if ('fault' in taken)
      parkInto(making, { ...waiting.envelope, seq: waiting.seq, sender: waiting.sender } as Arrived, taken.fault)
    else onBehalfOf(making, waiting, () => settle(making, taken.snapshot, () => interpret(making, taken.actions)))
    if (live.book.ended !== undefined) return
    at = 0
  }
}

/**
 * Under a supervision that goes on, an event that waited and makes the machine throw is parked by
 * itself: the one that freed it is not to blame, and every later one would meet it again. So it is
 * under any supervision when no event freed it (`isForgiving`).
 */
function attempt(making: Making, event: AnyEvent, isForgiving: boolean): MachineStep | { readonly fault: StoredFault } {
  const { live, family } = making
  try {
    return eventStep(live.blueprint, live.snapshot, event, surroundingsOf(live, family))
  } catch (error) {
    const { strategy = 'resume' } = live.blueprint.options.supervision ?? {}
    if (live.book.parent !== undefined || (strategy !== 'resume' && !isForgiving)) throw error
    return { fault: storedFaultOf(error) }
  }
}

/** What follows from an event that waited is for those who sent that one, not for who freed it. */
function onBehalfOf(making: Making, waiting: Deferred, act: () => void): void {
  const { ask, deadline, from } = making
  const { envelope } = waiting
  const asked = envelope.ask ?? waiting.ask
  const sender = envelope.from?.includes('/') === true ? (envelope.from as Address) : undefined
  Object.assign(making, { ask: asked, deadline: envelope.deadline ?? asked?.deadline, from: sender })
  act()
  Object.assign(making, { ask, deadline, from })
}

function unhandled(making: Making, event: AnyEvent): void {
  const { live, outputs } = making
  making.mark = 'unhandled'
  making.changed = true
  count(live, 'unhandled')
  // XState tells its own to whom it may concern (a delay that is over, the end of a child), and goes
  // past those that concern nobody; what must not be missed, a child's error, it has handled itself.
  if (isInternal(event.type)) return
  const { unhandled: policy = 'ignore' } = live.blueprint.options
  const { arrival, around, cause } = making
  const envelope = envelopeOf({ arrival, address: live.address, around, cause }, event)
  switch (policy) {
    case 'fail':
      throw faultOf(making, event)
    case 'park':
      return parkInto(making, envelope, storedFaultOf(faultOf(making, event)))
    case 'defer':
      return defer(making, envelope, event)
    case 'ignore':
      // As XState does; but who asked shall not wait for an answer that cannot come.
      if (envelope.ask === undefined) return
      outputs.push({
        is: 'reply',
        ask: envelope.ask,
        answer: { is: 'fault', fault: storedFaultOf(faultOf(making, event)) },
      })
      closeQuestion(live, envelope.ask)
  }
}

function faultOf({ live: { blueprint, snapshot } }: Making, event: AnyEvent): Fault {
  return new Fault('event.unhandled', {
    value: event.type,
    policy: blueprint.options.unhandled ?? 'ignore',
    kind: blueprint.kind,
    state: JSON.stringify((snapshot as { value?: unknown }).value ?? null),
  })
}

/** At the end of what waits already, whoever it came from; what there is no room for is parked. */
function defer(making: Making, envelope: Arrived, event: AnyEvent): void {
  const { live, ask, around } = making
  const { deferLimit: limit = around.deferLimit } = live.blueprint.options
  const deferred = live.book.deferred ?? []
  if (deferred.length >= limit) {
    const fault = new Fault('event.deferredTooMany', { value: event.type, limit })
    return parkInto(making, envelope, storedFaultOf(fault))
  }
  making.mark = 'deferred'
  const { seq, sender, ...plain } = envelope
  const begun = plain.ask === undefined && ask !== undefined ? { ask } : {}
  live.book.deferred = [...deferred, { envelope: plain, sender, seq, ...begun }]
}

export function isInternal(type: string): boolean {
  return type.startsWith('xstate.')
}
