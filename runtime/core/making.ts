/**
 * A step in the making: the live actor, what it has sent so far, and how the step is closed.
 */
import type { Address } from '#protocol/address.ts'
import type { Arrived } from '#protocol/envelope.ts'
import type { StoredFault } from '#protocol/fault.ts'
import type { Decision, StepNote } from '#protocol/record.ts'
import type { Effect } from '#protocol/state.ts'
import type { Arrival, Circumstances, Deed, Outcome, Output } from './arrival.ts'
import type { Blueprint } from './blueprint.ts'
import { type Draft, sent } from './interpret.ts'
import { type Family, familyFor, type Live } from './live.ts'
import { keepRest } from './outbox.ts'

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
  readonly arrival: Arrival
  mark: StepNote['mark']
  decision: Decision | undefined
  changed: boolean
  gone: boolean
  /** Whether the machine's snapshot moved: a watching parent is told then. */
  moved: boolean
}

/** Sets an envelope aside without touching the actor's state, except for its count. */
export function parked(input: Pick<StepInput, 'live'>, envelope: Arrived, type: string, fault: StoredFault): Stepped {
  const outputs = parkedOutputs(envelope, fault)
  if (input.live !== undefined) count(input.live, 'parked')
  return { live: input.live, outcome: { ...blank(type), outputs, mark: 'parked', changed: input.live !== undefined } }
}

/** Who asked shall not wait for an answer that cannot come. */
export function parkedOutputs(envelope: Arrived, fault: StoredFault): Output[] {
  const { ask } = envelope
  const park: Output = { is: 'park', envelope, fault }
  return ask === undefined ? [park] : [park, { is: 'reply', ask, answer: { is: 'fault', fault } }]
}

export function parkInto(making: Making, envelope: Arrived, fault: StoredFault): void {
  making.outputs.push(...parkedOutputs(envelope, fault))
  count(making.live, 'parked')
  making.mark = 'parked'
  making.changed = true
}

export function count(live: Live, what: 'unhandled' | 'parked'): void {
  live.book.counts = { ...live.book.counts, [what]: (live.book.counts?.[what] ?? 0) + 1 }
}

export function nothing(live: Live | undefined, type: string, mark: StepNote['mark']): Stepped {
  return { live, outcome: { ...blank(type), mark } }
}

export function blank(type: string): Outcome {
  return { outputs: [], deeds: [] as Deed[], mark: undefined, type, decision: undefined, changed: false, gone: false }
}

export function makingOf(input: Pick<StepInput, 'arrival' | 'around' | 'family'>, live: Live): Making {
  const { arrival, around, family } = input
  const envelope = arrival.by === 'envelope' ? arrival.envelope : undefined
  const timer = arrival.by === 'timer' ? live.book.timers?.[arrival.name] : undefined
  const ask = envelope?.ask ?? timer?.ask ?? effectOf(live, envelope)?.ask
  const seq = arrival.by === 'topic' ? arrival.seq : envelope?.seq
  return {
    arrival,
    live,
    around,
    family: familyFor(live, family),
    outputs: [],
    deeds: [],
    ask,
    deadline: envelope?.deadline ?? ask?.deadline,
    from: envelope?.from?.includes('/') === true ? (envelope.from as Address) : undefined,
    cause: seq === undefined ? timer?.cause : String(seq),
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

export function close(making: Making, type: string): Stepped {
  const { live, around, outputs, deeds, mark, decision, moved } = making
  const { parent } = live.book
  if (moved && parent?.sync === true && live.book.ended === undefined) {
    const snapshot = live.snapshot as { status: string; value?: unknown; context?: unknown; output?: unknown }
    const seen = { status: snapshot.status, value: snapshot.value, context: snapshot.context, output: snapshot.output }
    outputs.push(
      sent(making, parent.address, { is: 'event', event: { type: `xstate.snapshot.${parent.id}`, snapshot: seen } }),
    )
  }
  keepRest(making)
  const { ended, effects, outbox } = live.book
  // A deleted actor stays only for what it still has to send and to run.
  if (ended?.reason === 'deleted' && effects === undefined && outbox === undefined) making.gone = true
  const { changed, gone } = making
  // Counted only with what is written: the count must not go back when another owner folds it.
  if (changed) {
    live.steps++
    live.steppedAt = around.now
  }
  return { live: gone ? undefined : live, outcome: { outputs, deeds, mark, type, decision, changed, gone } }
}
