/**
 * Steps arrivals of one partition and gives back what waits for its commit. It serves the clause
 * "the machine makes a transition". Invariant: what it gives back names every change it made in
 * memory, so dropping the memory and folding the record are the same thing.
 */
import { type Address, kindOf } from '#protocol/address.ts'
import { bareEnvelope, type Arrived, encodeEnvelope } from '#protocol/envelope.ts'
import { Fault, storedFaultOf } from '#protocol/fault.ts'
import { limits } from '#protocol/limits.ts'
import type { Change } from '#protocol/record.ts'
import type { Arrival, Circumstances, Output } from '#runtime/core/arrival.ts'
import type { Admitted, Origin } from '#runtime/core/admission.ts'
import type { Blueprint } from '#runtime/core/blueprint.ts'
import type { Staged } from '#runtime/core/compose.ts'
import { roughSize } from '#runtime/core/rough-size.ts'
import { parkedOutputs, type StepInput, type Stepped } from '#runtime/core/making.ts'
import { step } from '#runtime/core/step.ts'
import { giveUp, supervise } from '#runtime/core/supervise.ts'
import type { Live } from '#runtime/core/live.ts'
import type { LiveNeeds } from '#runtime/core/needs.ts'

import type { Kinds, Resident, Residents } from './residents.ts'
import { isTraced, trace } from '#runtime/trace.ts'
import { isUnreadable } from './unreadable.ts'

export type Stepper = {
  take(arrival: Arrival, origin?: Origin): Staged[]
  /** An entry that needs no step: a copy, or what cannot be read. */
  pass(admitted: Exclude<Admitted, { is: 'envelope' | 'marker' }>): Staged
}

export type StepperOptions = { readonly eventBytesMost: number }

type World = {
  readonly residents: Residents
  readonly kinds: Kinds
  /** Kinds that other nodes carry. */
  readonly lacking: () => ReadonlySet<string>
  readonly around: () => Circumstances
  /** Why an actor must not be forgotten in the state it is in now. */
  readonly needsOf: (live: Live) => LiveNeeds
  /** After each step, for every actor whose state it changed. */
  readonly onStepped: (resident: Resident) => void
}

/** The actor that is stepped, and all whose state the step may change. */
type Reach = { readonly resident: Resident; readonly touched: Set<Resident> }

type Written = { readonly stepped: Stepped; readonly changes: Change[] }

const blank: Staged = {
  address: '/',
  changes: [],
  needs: [],
  outputs: [],
  deeds: [],
  note: { seq: 0, type: '' },
  cursor: undefined,
  mark: undefined,
  client: undefined,
  traceparent: undefined,
  raw: undefined,
}

export function stepperOf(world: World, options: StepperOptions): Stepper {
  const { residents, kinds, lacking, around, needsOf, onStepped } = world

  function take(arrival: Arrival, origin?: Origin): Staged[] {
    const address = arrival.by === 'envelope' ? arrival.envelope.to : arrival.address
    const root = kinds.get(kindOf(address))
    if (root === undefined) return arrival.by === 'envelope' ? [unknownKind(arrival.envelope, origin)] : []
    // What an owner before this one left in the outbox goes before anything else of this actor.
    const staged = drain(root, address)
    if (arrival.by !== 'drain') staged.push(...takeOne(root, address, arrival, origin), ...drain(root, address))
    return staged
  }

  /** More outputs than one batch holds: the rest stands in the state and leaves in commits of its own. */
  function drain(root: Blueprint, address: Address): Staged[] {
    const staged: Staged[] = []
    while (residents.get(address).live?.book.outbox !== undefined)
      staged.push(...takeOne(root, address, { by: 'drain', address }, undefined))
    return staged
  }

  function takeOne(root: Blueprint, address: Address, arrival: Arrival, origin: Origin | undefined): Staged[] {
    const envelope = arrival.by === 'envelope' ? arrival.envelope : undefined
    const resident = residents.get(address)
    const touched = new Set<Resident>([resident])
    const family = residents.familyOf(address, (one) => touched.add(one))
    const input: StepInput = { root, address, arrival, around: around(), family, live: resident.live }
    const { stepped, changes } = attempt(input, { resident, touched })
    const { outcome } = stepped
    for (const one of touched) onStepped(one)
    // What never was on the log and changed nothing leaves no record.
    if (envelope === undefined && changes.length === 0 && outcome.outputs.length === 0 && outcome.deeds.length === 0)
      return []
    if (isTraced()) tell(address, envelope?.seq ?? 0, stepped)
    return [stagedOf({ address, changes, outcome, envelope, origin })]
  }

  /** The step; when the machine throws or its state cannot be stored, what supervision makes of it. */
  function attempt(input: StepInput, { resident, touched }: Reach): Written {
    const now = (): StepInput => ({ ...input, live: resident.live })
    try {
      return carryOut({ resident, touched }, () => step(input))
    } catch (error) {
      // Somebody of its family cannot be read: no failure of the machine.
      if (isUnreadable(error)) throw error
      try {
        return carryOut({ resident, touched }, () => supervise(now(), error))
      } catch (again) {
        return carryOut({ resident, touched }, () => giveUp(now(), { error, again }))
      }
    }
  }

  /** Whole or not at all: when it cannot be done, sent or written, everybody is as last written. */
  function carryOut({ resident, touched }: Reach, act: () => Stepped): Written {
    let undo: (() => void)[] = []
    try {
      const stepped = act()
      // All of it now, so that what leaves later cannot fail then. What an outbox hands on was looked at before.
      if (stepped.outcome.type !== 'perdure.outbox')
        checkSizes([...stepped.outcome.outputs, ...((stepped.live?.book.outbox ?? []) as Output[])])
      if (touched.size > 1) undo = [...touched].map((one) => residents.keep(one))
      return { stepped, changes: writeAll(resident, stepped, touched) }
    } catch (error) {
      for (const back of undo) back()
      for (const one of touched) residents.restore(one)
      touched.clear()
      touched.add(resident)
      throw error
    }
  }

  function writeAll(resident: Resident, { live, outcome }: Stepped, touched: ReadonlySet<Resident>): Change[] {
    const changes: Change[] = []
    resident.live = live
    for (const one of touched) {
      if (one === resident && !outcome.changed && !outcome.gone) continue
      const change = residents.write(one, one === resident && outcome.gone)
      if (change !== undefined) changes.push(change)
    }
    return changes
  }

  /** An event over the server's limit is refused at its sender, before anything of it is written. */
  function checkSizes(outputs: readonly Output[]): void {
    const limit = options.eventBytesMost
    for (const output of outputs) {
      if (output.is === 'emit' && output.event.type.length > limits.emittedChars) {
        throw new Fault('event.tooBig', {
          value: output.event.type.slice(0, 80),
          size: output.event.type.length,
          limit: limits.emittedChars,
        })
      }
      const value = valueOf(output)
      // Most events are tiny; only one that looks large is measured.
      if (value === undefined || roughSize(value, limit / 4) < limit / 4) continue
      const content = { is: 'event', event: { type: 'x', value } } as const
      const size = encodeEnvelope({ ...bareEnvelope, to: '/', at: 0, content }).length
      const type =
        output.is === 'send' && output.content.is === 'event'
          ? output.content.event.type
          : output.is === 'emit'
            ? output.event.type
            : output.is
      if (size > limit) throw new Fault('event.tooBig', { value: type, size, limit })
    }
  }

  type Done = {
    readonly address: Address
    readonly changes: readonly Change[]
    readonly outcome: Stepped['outcome']
    readonly envelope: Arrived | undefined
    readonly origin: Origin | undefined
  }

  function stagedOf({ address, changes, outcome, envelope, origin }: Done): Staged {
    const { outputs, deeds, mark, decision, type, first } = outcome
    const seq = envelope?.seq ?? 0
    const note = {
      seq,
      type,
      ...(mark === undefined ? {} : { mark }),
      ...(decision === undefined ? {} : { decision }),
    }
    // Of the state as it is after this step: a commit may leave the actor's next step behind.
    const needs = changes.map((change) => {
      const live = residents.peek(change.address)?.live
      return live === undefined ? undefined : needsOf(live)
    })
    return {
      ...blank,
      ...origin,
      address,
      changes,
      needs,
      outputs,
      deeds,
      note,
      ...(first === undefined ? {} : { first: { seq, ...first } }),
      cursor: envelope?.seq,
      traceparent: envelope?.traceparent,
    }
  }

  function unknownKind(envelope: Arrived, origin: Origin | undefined): Staged {
    const value = kindOf(envelope.to)
    const known = [...kinds.keys()].join(', ') || 'none'
    const fault = storedFaultOf(new Fault(lacking().has(value) ? 'kind.apart' : 'kind.unknown', { value, known }))
    return { ...blank, ...origin, ...parkedStaged(envelope, fault) }
  }

  return {
    take,
    pass(admitted) {
      if (admitted.is !== 'refused') {
        const mark = admitted.is === 'copy' ? 'duplicate' : 'early'
        return { ...blank, note: { seq: admitted.seq, type: `perdure.${admitted.is}`, mark }, cursor: admitted.seq }
      }
      return { ...blank, ...admitted.origin, ...parkedStaged(admitted.envelope, admitted.fault), raw: admitted.raw }
    },
  }
}

function parkedStaged(
  envelope: Arrived,
  fault: ReturnType<typeof storedFaultOf>,
): Pick<Staged, 'address' | 'outputs' | 'note' | 'cursor'> {
  trace({ is: 'parked', address: envelope.to, fault })
  const type = envelope.content.is === 'event' ? envelope.content.event.type : `perdure.${envelope.content.is}`
  return {
    address: envelope.to,
    outputs: parkedOutputs(envelope, fault),
    note: { seq: envelope.seq, type, mark: 'parked' },
    cursor: envelope.seq,
  }
}

function tell(address: Address, seq: number, { outcome }: Stepped): void {
  if (outcome.first !== undefined) trace({ is: 'stepped', address, type: outcome.first.type, seq, mark: undefined })
  trace({ is: 'stepped', address, type: outcome.type, seq, mark: outcome.mark })
  if (outcome.mark === 'unhandled') trace({ is: 'unhandled', address, type: outcome.type })
  for (const output of outcome.outputs)
    if (output.is === 'park') trace({ is: 'parked', address: output.envelope.to, fault: output.fault })
}

function valueOf(output: Output): unknown {
  switch (output.is) {
    case 'send':
      return output.content
    case 'emit':
      return output.event
    case 'reply':
      return output.answer
    case 'park':
      return undefined
  }
}
