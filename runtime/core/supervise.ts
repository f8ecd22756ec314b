/**
 * What follows a throw in a step. A child follows XState: it is in error and its parent hears
 * `xstate.error.actor.*`. A root follows its kind's supervision; by default it resumes: the
 * envelope is parked with the stack, the state stays as it was before, and the actor goes on.
 */
import type { Arrived, ParentLink } from '#protocol/envelope.ts'
import { type StoredFault, storedFaultOf } from '#protocol/fault.ts'
import type { Arrival, Output } from './arrival.ts'
import { cancelTimer, dropEffect, sent } from './interpret.ts'
import { beginActor } from './begin.ts'
import { endActor, pendingActions, present, storableError } from './lifecycle.ts'
import { blueprintFor, type Live } from './live.ts'
import { blank, close, makingOf, parkInto, type StepInput, type Stepped } from './making.ts'

/** `input.live` is the actor as it was last written, or nothing when it had not been born. */
export function supervise(input: StepInput, error: unknown): Stepped {
  const { live, arrival } = input
  const fault = storedFaultOf(error)
  const envelope = envelopeOf(input)
  if (live === undefined) return stillborn(input, envelope, fault, error)
  if (live.book.parent !== undefined) return ended(input, live, error)
  const { strategy, intensity = 3, periodMs = 5000 } = live.blueprint.options.supervision ?? { strategy: 'resume' }
  if (strategy === 'stop' || strategy === 'escalate') return ended(input, live, error)
  const making = makingOf(input, live)
  consume(live, arrival)
  parkInto(making, envelope, fault)
  if (strategy === 'resume') return close(making, typeOf(arrival))
  const recent = (live.book.restarts ?? []).filter((at) => at > input.around.now - periodMs)
  if (recent.length >= intensity) return ended(input, live, error)
  try {
    return restarted(input, live, { restarts: [...recent, input.around.now], parked: making.outputs })
  } catch (again) {
    return ended(input, live, again)
  }
}

/** A new life under the same address: the machine begins again, what others count on goes on. */
function restarted(
  input: StepInput,
  live: Live,
  { restarts, parked }: { readonly restarts: number[]; readonly parked: readonly Output[] },
): Stepped {
  const { effects = {}, children = {}, subscriptions, watchers, asks, ids, counts, deferred, cron, outbox } = live.book
  const fresh = beginActor(input, { input: live.book.input, visits: live.visits })
  const next = makingOf(input, fresh.live)
  Object.assign(fresh.live, { bornAt: live.bornAt, steps: live.steps })
  Object.assign(
    fresh.live.book,
    present({
      restarts,
      watchers,
      asks,
      ids,
      counts,
      deferred,
      cron,
      outbox,
      subscriptions,
      effects: pendingActions(live.book),
    }),
  )
  for (const { id, is } of Object.values(effects))
    if (is === 'logic') next.deeds.push({ is: 'abort', effect: id, reason: 'left' })
  for (const { address } of Object.values(children))
    if (address !== undefined) next.outputs.push(sent(next, address, { is: 'stop', reason: 'parent' }))
  next.outputs.push(...parked)
  fresh.settle(next)
  // A subscription of the earlier life goes on where it stood if this one asked for it again.
  const kept = (next.live.book.subscriptions ?? []).filter((one) => subscriptions?.includes(one) !== true)
  if (kept.length > 0) next.live.book.subscriptions = kept
  else delete next.live.book.subscriptions
  next.mark = 'parked'
  next.changed = true
  return close(next, typeOf(input.arrival))
}

/**
 * The very first step threw. A child is made in error, so that its parent hears; so is a root
 * whose supervision is XState's own. Any other root is not made, and its envelope can be replayed.
 */
function stillborn(input: StepInput, envelope: Arrived, fault: StoredFault, thrown: unknown): Stepped {
  const { arrival, root } = input
  const content = arrival.by === 'envelope' ? arrival.envelope.content : undefined
  const start = content?.is === 'start' ? content : { input: undefined, parent: undefined }
  const { strategy = 'resume' } = root.options.supervision ?? {}
  if (start.parent === undefined && strategy !== 'stop' && strategy !== 'escalate') {
    const outputs: Output[] = [{ is: 'park', envelope, fault }]
    if (envelope.ask !== undefined) outputs.push({ is: 'reply', ask: envelope.ask, answer: { is: 'fault', fault } })
    return { live: undefined, outcome: { ...blank(typeOf(arrival)), outputs, mark: 'parked' } }
  }
  const error = storableError(thrown)
  const making = makingOf(input, inError(input, start, error))
  making.changed = true
  if (start.parent === undefined) parkInto(making, envelope, fault)
  else
    making.outputs.push(
      sent(making, start.parent.address, {
        is: 'event',
        event: { type: `xstate.error.actor.${start.parent.id}`, error, actorId: start.parent.id },
      }),
    )
  return close(making, typeOf(arrival))
}

function inError(
  { root, address, around }: StepInput,
  start: { readonly input: unknown; readonly parent?: ParentLink | undefined },
  error: unknown,
): Live {
  const { now } = around
  const book = present({
    parent: start.parent,
    input: start.input,
    ended: { reason: 'error', at: now, retire: now + (root.options.retainMs ?? around.retainMs) },
  })
  const blueprint = blueprintFor(root, book)
  return {
    address,
    blueprint,
    snapshot: undefined as unknown as Live['snapshot'],
    stored: { status: 'error', value: null, context: undefined, history: undefined, output: undefined, error },
    book,
    version: blueprint.version,
    hash: blueprint.hash,
    visits: 0,
    steps: 0,
    bornAt: now,
    steppedAt: now,
  }
}

function ended(input: StepInput, live: Live, error: unknown): Stepped {
  const making = makingOf(input, live)
  consume(live, input.arrival)
  if (live.book.parent === undefined) parkInto(making, envelopeOf(input), storedFaultOf(error))
  endActor(making, 'error', { error })
  if (live.blueprint.options.supervision?.strategy === 'escalate')
    making.deeds.push({ is: 'log', label: 'escalated', value: storedFaultOf(error) })
  return close(making, typeOf(input.arrival))
}

/** The arrival is over even though its step threw; else it would come for ever. */
function consume(live: Live, arrival: Arrival): void {
  if (arrival.by === 'timer') cancelTimer(live, arrival.name)
  if (arrival.by === 'topic') {
    live.book.subscriptions = (live.book.subscriptions ?? []).map((one) =>
      one.pattern === arrival.pattern ? { ...one, from: Math.max(one.from, arrival.seq) } : one,
    )
  }
  const content = arrival.by === 'envelope' ? arrival.envelope.content : undefined
  if (content?.is === 'effect' && !('nth' in content.result)) dropEffect(live, content.effect)
}

/** What is parked when no envelope was the cause: a description of what came. */
function envelopeOf(input: StepInput): Arrived {
  const { arrival, address, around, live } = input
  if (arrival.by === 'envelope') return arrival.envelope
  const event =
    arrival.by === 'timer'
      ? (live?.book.timers?.[arrival.name]?.event ?? { type: arrival.name })
      : arrival.by === 'topic'
        ? arrival.event
        : { type: `perdure.${arrival.by}` }
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
  if (arrival.by === 'envelope')
    return arrival.envelope.content.is === 'event'
      ? arrival.envelope.content.event.type
      : `perdure.${arrival.envelope.content.is}`
  if (arrival.by === 'topic') return arrival.event.type
  return arrival.by === 'timer' ? `timer:${arrival.name}` : `perdure.${arrival.by}`
}
