/**
 * One event through an actor's machine, and what follows when no state handles it.
 */
import type { Address } from '#protocol/address.ts'
import type { AnyEvent, Arrived, Envelope } from '#protocol/envelope.ts'
import { Fault, type StoredFault, storedFaultOf } from '#protocol/fault.ts'
import { interpret } from './interpret.ts'
import { endActor } from './lifecycle.ts'
import { type Live, surroundingsOf } from './live.ts'
import { eventStep } from './machine.ts'
import type { MachineStep } from './machine-step.ts'
import { count, type Making, parkInto } from './making.ts'

/** One event through the machine; whatever waited is tried again when that changed its state. */
export function takeEvent(making: Making, event: AnyEvent, otherwise: () => void): void {
  const { live } = making
  const taken = eventStep(live.blueprint, live.snapshot, event, surroundingsOf(live, making.family))
  if (taken.decision !== undefined) making.decision = taken.decision
  // A parent that follows the snapshots is told of every event its child took, also when nothing came of it.
  making.moved = true
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
  endActor(making, status === 'done' ? 'done' : status === 'error' ? 'error' : 'stopped', {
    output: end.output,
    error: end.error,
  })
}

function retryDeferred(making: Making): void {
  const { live } = making
  for (let at = 0; at < (live.book.deferred?.length ?? 0);) {
    const waiting = (live.book.deferred ?? [])[at]
    const content = waiting?.envelope.content
    if (waiting === undefined || content?.is !== 'event') return
    const taken = attempt(making, content.event)
    if ('handled' in taken && !taken.handled) {
      at++
      continue
    }
    const left = (live.book.deferred ?? []).filter((_, index) => index !== at)
    if (left.length > 0) live.book.deferred = left
    else delete live.book.deferred
    if ('fault' in taken)
      parkInto(making, { ...waiting.envelope, seq: waiting.seq, sender: waiting.sender } as Arrived, taken.fault)
    else
      onBehalfOf(making, waiting.envelope, () => settle(making, taken.snapshot, () => interpret(making, taken.actions)))
    if (live.book.ended !== undefined) return
    at = 0
  }
}

/**
 * Under a supervision that goes on, an event that waited and makes the machine throw is parked by
 * itself: the one that freed it is not to blame, and every later one would meet it again.
 */
function attempt(making: Making, event: AnyEvent): MachineStep | { readonly fault: StoredFault } {
  const { live, family } = making
  try {
    return eventStep(live.blueprint, live.snapshot, event, surroundingsOf(live, family))
  } catch (error) {
    const { strategy = 'resume' } = live.blueprint.options.supervision ?? {}
    if (live.book.parent !== undefined || strategy !== 'resume') throw error
    return { fault: storedFaultOf(error) }
  }
}

/** What follows from an event that waited is for those who sent that one, not for who freed it. */
function onBehalfOf(making: Making, envelope: Envelope, act: () => void): void {
  const { ask, deadline, from } = making
  const sender = envelope.from?.includes('/') === true ? (envelope.from as Address) : undefined
  Object.assign(making, { ask: envelope.ask, deadline: envelope.deadline ?? envelope.ask?.deadline, from: sender })
  act()
  Object.assign(making, { ask, deadline, from })
}

export function unhandled(making: Making, envelope: Arrived, event: AnyEvent): void {
  const { live, outputs } = making
  making.mark = 'unhandled'
  if (isInternal(event.type)) return
  const { unhandled: policy = 'ignore', deferLimit = making.around.deferLimit } = live.blueprint.options
  const fault = (): Fault =>
    new Fault('event.unhandled', {
      value: event.type,
      policy,
      kind: live.blueprint.kind,
      state: JSON.stringify((live.snapshot as { value?: unknown }).value ?? null),
    })
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
    parkInto(
      making,
      envelope,
      storedFaultOf(new Fault('event.deferredTooMany', { value: event.type, limit: deferLimit })),
    )
    return
  }
  if (policy === 'park') return parkInto(making, envelope, storedFaultOf(fault()))
  // Ignored as XState does; but who asked shall not wait for an answer that cannot come.
  if (envelope.ask !== undefined) {
    outputs.push({ is: 'reply', ask: envelope.ask, answer: { is: 'fault', fault: storedFaultOf(fault()) } })
    live.book.asks = (live.book.asks ?? []).filter((one) => one.id !== envelope.ask?.id)
  }
}

export function isInternal(type: string): boolean {
  return type.startsWith('xstate.')
}
