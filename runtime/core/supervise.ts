/**
 * What follows a throw in a step. A child follows XState: it is in error and its parent hears
 * `xstate.error.actor.*`. A root follows its kind's supervision; by default it resumes: the
 * envelope is parked with the stack, the state stays as it was before, and the actor goes on.
 */
import type { Arrived } from '#protocol/envelope.ts'
import { type StoredFault, storedFaultOf } from '#protocol/fault.ts'
import type { Arrival } from './arrival.ts'
import { beginActor, endActor } from './lifecycle.ts'
import { cancelTimer, dropEffect } from './interpret.ts'
import type { Live } from './live.ts'
import { blank, makingOf, parkInto, type StepInput, type Stepped } from './making.ts'

/** `input.live` is the actor as it was last written, or nothing when it had not been born. */
export function supervise(input: StepInput, error: unknown): Stepped {
  const { live, arrival, address } = input
  const fault = storedFaultOf(error)
  const envelope = envelopeOf(input)
  if (live === undefined) return stillborn(input, envelope, fault, error)
  if (live.book.parent !== undefined) return ended(input, live, error)
  const { strategy, intensity = 3, periodMs = 5000 } = live.blueprint.options.supervision ?? { strategy: 'resume' }
  if (strategy === 'stop' || strategy === 'escalate') return ended(input, live, error)
  const making = makingOf(input, live)
  consume(live, arrival)
  parkInto(making, envelope, fault)
  if (strategy === 'resume') return { live, outcome: { ...blank(typeOf(arrival)), ...pick(making) } }
  const recent = (live.book.restarts ?? []).filter((at) => at > input.around.now - periodMs)
  if (recent.length >= intensity) return ended(input, live, error)
  const fresh = beginActor({ ...input, address }, { input: live.book.input })
  const next = makingOf(input, { ...fresh.live, visits: live.visits, bornAt: live.bornAt })
  for (const id in live.book.effects) next.deeds.push({ is: 'abort', effect: id, reason: 'left' })
  for (const child of Object.values(live.book.children ?? {})) {
    if (child.address !== undefined) {
      next.outputs.push({ is: 'send', to: child.address, content: { is: 'stop', reason: 'parent' }, ask: undefined, deadline: undefined })
    }
  }
  next.outputs.push(...making.outputs)
  const { watchers, asks, ids, counts, input: first } = live.book
  Object.assign(next.live.book, { restarts: [...recent, input.around.now] }, defined({ watchers, asks, ids, counts, input: first }))
  fresh.settle(next)
  next.live.steps = live.steps + 1
  next.mark = 'parked'
  return { live: next.live, outcome: { ...blank(typeOf(arrival)), ...pick(next) } }
}

/** The very first step threw. A root is not made; a child is made in error, so that its parent hears. */
function stillborn(input: StepInput, envelope: Arrived, fault: StoredFault, error: unknown): Stepped {
  const outputs: Stepped['outcome']['outputs'] = []
  const { arrival } = input
  const content = arrival.by === 'envelope' ? arrival.envelope.content : undefined
  if (content?.is === 'start' && content.parent !== undefined) {
    const { address, id } = content.parent
    const event = { type: `xstate.error.actor.${id}`, error: { name: 'Error', message: fault.message, stack: fault.stack, cause: error instanceof Error ? undefined : error }, actorId: id }
    outputs.push({ is: 'send', to: address, content: { is: 'event', event }, ask: undefined, deadline: undefined })
    return { live: undefined, outcome: { ...blank(typeOf(arrival)), outputs, mark: 'parked' } }
  }
  outputs.push({ is: 'park', envelope, fault })
  if (envelope.ask !== undefined) outputs.push({ is: 'reply', ask: envelope.ask, answer: { is: 'fault', fault } })
  return { live: undefined, outcome: { ...blank(typeOf(arrival)), outputs, mark: 'parked' } }
}

function ended(input: StepInput, live: Live, error: unknown): Stepped {
  const making = makingOf(input, live)
  consume(live, input.arrival)
  if (live.book.parent === undefined) parkInto(making, envelopeOf(input), storedFaultOf(error))
  endActor(making, 'error', { error })
  live.steps++
  return { live, outcome: { ...blank(typeOf(input.arrival)), ...pick(making) } }
}

/** The arrival is over even though its step threw; else it would come for ever. */
function consume(live: Live, arrival: Arrival): void {
  if (arrival.by === 'timer') cancelTimer(live, arrival.name)
  if (arrival.by === 'topic') {
    live.book.subscriptions = (live.book.subscriptions ?? []).map((one) => (one.pattern === arrival.pattern ? { ...one, from: Math.max(one.from, arrival.seq) } : one))
  }
  const content = arrival.by === 'envelope' ? arrival.envelope.content : undefined
  if (content?.is === 'effect' && (content.result.is === 'done' || content.result.is === 'error')) dropEffect(live, content.effect)
}

/** What is parked when no envelope was the cause: a description of what came. */
function envelopeOf(input: StepInput): Arrived {
  const { arrival, address, around, live } = input
  if (arrival.by === 'envelope') return arrival.envelope
  const event = arrival.by === 'timer' ? (live?.book.timers?.[arrival.name]?.event ?? { type: arrival.name }) : arrival.by === 'topic' ? arrival.event : { type: `perdure.${arrival.by}` }
  return {
    to: address,
    content: { is: 'event', event },
    from: arrival.by,
    at: around.now,
    id: undefined,
    n: 0,
    index: 0,
    generation: around.generation,
    cause: undefined,
    ask: undefined,
    deadline: undefined,
    traceparent: undefined,
    seq: 0,
    sender: 'c',
  }
}

function typeOf(arrival: Arrival): string {
  if (arrival.by === 'envelope') return arrival.envelope.content.is === 'event' ? arrival.envelope.content.event.type : `perdure.${arrival.envelope.content.is}`
  if (arrival.by === 'topic') return arrival.event.type
  return arrival.by === 'timer' ? `timer:${arrival.name}` : `perdure.${arrival.by}`
}

function pick(making: ReturnType<typeof makingOf>): Pick<Stepped['outcome'], 'outputs' | 'deeds' | 'mark' | 'changed'> {
  return { outputs: making.outputs, deeds: making.deeds, mark: making.mark, changed: true }
}

function defined<T extends object>(value: T): Partial<T> {
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as Partial<T>
}
