/**
 * What follows a throw in a step. A child follows XState: it is in error and its parent hears
 * `xstate.error.actor.*`. A root follows its kind's supervision; by default it resumes: the
 * envelope is parked with the stack, the state stays as it was before, and the actor goes on.
 */
import type { AnyEvent, Arrived, EffectResult, ParentLink } from '#protocol/envelope.ts'
import { isFault, type PlainError, plainErrorOf, type StoredFault, storedFaultOf } from '#protocol/fault.ts'
import type { Arrival, Output } from './arrival.ts'
import { beginActor } from './begin.ts'
import { envelopeOf } from './envelope-of.ts'
import { passCron } from './fire.ts'
import { cancelTimer, dropEffect, sent } from './interpret.ts'
import { endActor, isRemains, pendingActions, present, storableError } from './lifecycle.ts'
import { blueprintFor, type Live } from './live.ts'
import { blank, close, count, type Making, makingOf, parkInto, type StepInput, type Stepped } from './making.ts'
import { toldBy } from './on-effect.ts'
import { withoutThen } from './rewind.ts'
import { isInternal, retryDeferred } from './take-event.ts'

/** `input.live` is the actor as it was last written, or nothing when it had not been born. */
export function supervise(input: StepInput, error: unknown): Stepped {
  return withoutThen(input, (next) => superviseOne(next, error)) ?? superviseOne(input, error)
}

function superviseOne(input: StepInput, error: unknown): Stepped {
  const { live, around } = input
  if (live === undefined) return stillborn(input, error)
  const { strategy, intensity = 3, periodMs = 5000 } = live.blueprint.options.supervision ?? { strategy: 'resume' }
  const over = overOf(input, live, error)
  // A new life under a key whose last one still has something to run was not made.
  if (isRemains(over.making.live)) return setAside(over, error)
  if (live.book.parent !== undefined || strategy === 'stop' || strategy === 'escalate') return ended(over, error)
  if (strategy === 'resume') return setAside(over, error)
  const recent = (live.book.restarts ?? []).filter((at) => at > around.now - periodMs)
  if (recent.length >= intensity) return ended(over, error)
  try {
    return restarted(input, over, { restarts: [...recent, around.now], error })
  } catch (again) {
    return ended(over, again)
  }
}

/**
 * What supervision came to cannot be written or sent either: the new life, or the error itself.
 * Then the actor ends, and what went wrong is told in words, which always can be.
 */
export function giveUp(input: StepInput, failed: Failed): Stepped {
  return withoutThen(input, (next) => giveUpOne(next, failed)) ?? giveUpOne(input, failed)
}

type Failed = { readonly error: unknown; readonly again: unknown }

function giveUpOne(input: StepInput, failed: Failed): Stepped {
  const { live } = input
  const strategy = live?.blueprint.options.supervision?.strategy
  const wasEnding = live?.book.parent !== undefined || strategy === 'stop' || strategy === 'escalate'
  const told = wordsOf(live === undefined || wasEnding ? failed.error : failed.again)
  return live === undefined ? stillborn(input, told) : ended(overOf(input, live, failed.error), told)
}

/** A step that threw: what it would have changed is gone, but its arrival was here. */
type Over = { readonly making: Making; readonly came: Arrived }

function overOf(input: StepInput, live: Live, error: unknown): Over {
  const { arrival, address, around } = input
  const making = makingOf(input, live)
  const event = consume(input, live)
  making.changed = true
  // The step that counted it is undone.
  if (isFault(error, 'event.unhandled')) count(live, 'unhandled')
  const came =
    event === undefined && arrival.by === 'envelope'
      ? arrival.envelope
      : envelopeOf({ arrival, address, around, cause: making.cause }, event ?? { type: typeOf(arrival) })
  return { making, came }
}

function setAside({ making, came }: Over, error: unknown): Stepped {
  parkInto(making, came, faultOf(error))
  return close(making, typeOf(making.arrival))
}

/** A new life under the same address: the machine begins again, what others count on goes on. */
function restarted(
  input: StepInput,
  { making: { live }, came }: Over,
  { restarts, error }: { readonly restarts: number[]; readonly error: unknown },
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
  parkInto(next, came, faultOf(error))
  fresh.settle(next)
  retryDeferred(next, true)
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
function stillborn(input: StepInput, thrown: unknown): Stepped {
  const { arrival, root, address, around } = input
  const envelope =
    arrival.by === 'envelope'
      ? arrival.envelope
      : envelopeOf({ arrival, address, around, cause: undefined }, { type: typeOf(arrival) })
  const fault = faultOf(thrown)
  const start = envelope.content.is === 'start' ? envelope.content : { input: undefined, parent: undefined }
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

function ended({ making, came }: Over, error: unknown): Stepped {
  const { live, arrival } = making
  if (live.book.parent === undefined) parkInto(making, came, faultOf(error))
  endActor(making, 'error', { error })
  if (live.blueprint.options.supervision?.strategy === 'escalate')
    making.deeds.push({ is: 'log', label: 'escalated', value: faultOf(error) })
  return close(making, typeOf(arrival))
}

/** The arrival is over even though its step threw; else it would come for ever. Gives the event that it brought. */
function consume({ arrival, around }: StepInput, live: Live): AnyEvent | undefined {
  const { book } = live
  switch (arrival.by) {
    case 'timer': {
      if (arrival.name === '.cron') return passCron(live, around.now)?.[0]
      const event = book.timers?.[arrival.name]?.event
      cancelTimer(live, arrival.name)
      return event
    }
    case 'topic':
      book.subscriptions = (book.subscriptions ?? []).map((one) =>
        one.pattern === arrival.pattern ? { ...one, from: Math.max(one.from, arrival.seq) } : one,
      )
      return arrival.event
    case 'envelope': {
      const { content } = arrival.envelope
      if (content.is === 'event') return content.event
      return content.is === 'effect' ? consumeResult(live, content.effect, content.result) : undefined
    }
    default:
      return undefined
  }
}

/** Of an effect that goes on only what it told is over: a copy of that must be known as one. Its end stays a result. */
function consumeResult(live: Live, id: string, result: EffectResult): AnyEvent | undefined {
  const effect = live.book.effects?.[id]
  if (effect === undefined) return undefined
  if ('nth' in result)
    live.book.effects = { ...live.book.effects, [id]: { ...effect, taken: Math.max(effect.taken, result.nth) } }
  else dropEffect(live, id)
  const event = toldBy(effect, result)
  return event === undefined || isInternal(event.type) ? undefined : event
}

/** More of a text than this helps nobody, and what is parked and answered must fit into an entry. */
const wordsMost = 4000

function faultOf(error: unknown): StoredFault {
  const { code, message, stack } = storedFaultOf(error)
  return { code, message: cut(message), ...(stack === undefined ? {} : { stack: cut(stack) }) }
}

function wordsOf(error: unknown): PlainError {
  const { name, message, stack } = plainErrorOf(error)
  return { name: cut(name), message: cut(message), ...(stack === undefined ? {} : { stack: cut(stack) }) }
}

function cut(text: string): string {
  return text.slice(0, wordsMost)
}

function typeOf(arrival: Arrival): string {
  if (arrival.by === 'envelope')
    return arrival.envelope.content.is === 'event'
      ? arrival.envelope.content.event.type
      : `perdure.${arrival.envelope.content.is}`
  if (arrival.by === 'topic') return arrival.event.type
  return arrival.by === 'timer' ? `timer:${arrival.name}` : `perdure.${arrival.by}`
}
