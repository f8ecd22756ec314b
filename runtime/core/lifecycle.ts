/**
 * The end of an actor. Invariant: whoever waits on an actor (parent, watchers, those
 * who asked) hears of its end in the very commit that ends it, and nothing that it still held
 * is lost: deferred events are parked, effects aborted, children stopped, and named actions
 * that were asked for while it lived run, also after it was deleted.
 */
import { encode } from '#protocol/codec.ts'
import type { Arrived, EffectResult } from '#protocol/envelope.ts'
import { Fault, plainErrorOf, storedFaultOf } from '#protocol/fault.ts'
import type { Book, Ended } from '#protocol/state.ts'
import { dropEffect, sent } from './interpret.ts'
import { forgetNames, type Live } from './live.ts'
import { dehydrate } from './machine.ts'
import { answerAll } from './question.ts'
import { type Making, parkInto } from './making.ts'

export function endActor(
  making: Making,
  reason: Ended['reason'],
  end: { readonly output?: unknown; readonly error?: unknown },
): void {
  const { live, around, outputs } = making
  if (live.book.ended !== undefined) return
  const error = storableError(end.error)
  const stored = dehydrate(live.blueprint, live.snapshot)
  const status = reason === 'done' ? 'done' : reason === 'error' ? 'error' : 'stopped'
  live.stored = { ...stored, status, ...(error === undefined ? {} : { error }) }
  letGo(making)
  const { parent, watchers = [] } = live.book
  if (parent !== undefined && reason !== 'stopped') {
    const { id: actorId } = parent
    const event =
      reason === 'done'
        ? { type: `xstate.done.actor.${actorId}`, output: end.output, actorId }
        : { type: `xstate.error.actor.${actorId}`, error, actorId }
    outputs.push(sent(making, parent.address, { is: 'event', event }))
  }
  for (const watcher of watchers) {
    const event = { type: 'actor.ended', address: live.address, reason, output: end.output, error }
    outputs.push(sent(making, watcher, { is: 'event', event }))
  }
  if (reason === 'done') answerAll(live, outputs, { output: end.output })
  else
    answerAll(live, outputs, {
      fault: storedFaultOf(
        new Fault('actor.failed', {
          value: live.address,
          reason: error === undefined ? reason : plainErrorOf(error).message,
        }),
      ),
    })
  const { parent: kept, input, counts, ids, outbox } = live.book
  live.book = present({
    parent: kept,
    input,
    counts,
    ids,
    outbox,
    effects: pendingActions(live.book),
    ended: { reason, at: around.now, retire: around.now + (live.blueprint.options.retainMs ?? around.retainMs) },
  })
  making.changed = true
}

/** An error goes on as it was thrown, so that who hears of it sees what it would see in one process. */
export function storableError(error: unknown): unknown {
  try {
    encode(error)
    return error
  } catch {
    return plainErrorOf(error)
  }
}

/** Named actions that were asked for and have not run: XState runs them before the actor ends. */
export function pendingActions({ effects = {} }: Book): Book['effects'] {
  const actions = Object.entries(effects).filter(([, effect]) => effect.is === 'action')
  return actions.length === 0 ? undefined : Object.fromEntries(actions)
}

export function present(book: { readonly [name in keyof Book]: Book[name] | undefined }): Book {
  return Object.fromEntries(Object.entries(book).filter(([, part]) => part !== undefined))
}

/** Whether all that is left of it are actions to run and outputs to send: to everybody else it is gone. */
export function isRemains(live: Live | undefined): boolean {
  return live?.book.ended?.reason === 'deleted'
}

/** Nothing of it remains but the actions that it asked for while it lived; when they have run, it is gone. */
export function forgetActor(making: Making): void {
  const { live, outputs, deeds, around } = making
  const actions = pendingActions(live.book)
  // Of an actor whose state did not fit nothing was begun.
  if (live.book.unfit !== undefined)
    for (const effect of Object.values(actions ?? {})) deeds.push({ is: 'begin', effect })
  letGo(making)
  if (live.book.ended === undefined) {
    for (const watcher of live.book.watchers ?? []) {
      outputs.push(
        sent(making, watcher, {
          is: 'event',
          event: { type: 'actor.ended', address: live.address, reason: 'deleted' },
        }),
      )
    }
    answerAll(live, outputs, {
      fault: storedFaultOf(new Fault('actor.done', { value: live.address, reason: 'deleted' })),
    })
  }
  making.changed = true
  if (actions === undefined) {
    making.gone = true
    return
  }
  live.stored = {
    status: 'stopped',
    value: null,
    context: undefined,
    history: undefined,
    output: undefined,
    error: undefined,
  }
  live.book = present({
    parent: live.book.parent,
    effects: actions,
    ended: { reason: 'deleted', at: around.now, retire: Number.MAX_SAFE_INTEGER },
  })
}

/** The retention is over: only the fact that it ended stays, and what it still has to run. */
export function buryActor(making: Making): void {
  const { live } = making
  const { ended, parent } = live.book
  if (ended === undefined) return
  const actions = pendingActions(live.book)
  letGo(making)
  live.stored = {
    status: live.stored?.status ?? 'done',
    value: null,
    context: undefined,
    history: undefined,
    output: undefined,
    error: undefined,
  }
  live.book = present({
    parent: actions === undefined ? undefined : parent,
    effects: actions,
    ended: { ...ended, retire: Number.MAX_SAFE_INTEGER },
  })
  making.changed = true
}

/**
 * What an effect of an ended actor tells. Only an action can still be pending; that it failed is
 * told to nobody any more, so it is parked: a loss that is on the log and in the actor's count.
 */
export function onLastWords(making: Making, envelope: Arrived, { effect: id, result }: LastWords): void {
  const { live } = making
  const effect = live.book.effects?.[id]
  if (effect === undefined) {
    making.mark = 'stale'
    return
  }
  dropEffect(live, id)
  making.changed = true
  if (result.is === 'done') return
  const reason = result.is === 'error' ? plainErrorOf(result.error).message : 'its outcome is unknown'
  parkInto(
    making,
    envelope,
    storedFaultOf(new Fault('action.lost', { value: effect.name, self: live.address, reason })),
  )
}

type LastWords = { readonly effect: string; readonly result: EffectResult }

/** Aborts effects, stops children, parks what waited. Children of an ended actor go when it goes. */
function letGo(making: Making): void {
  const { live, outputs, deeds } = making
  for (const { id, is } of Object.values(live.book.effects ?? {})) {
    if (is === 'logic') deeds.push({ is: 'abort', effect: id, reason: 'left' })
  }
  for (const child of Object.values(live.book.children ?? {})) {
    if (child.address !== undefined) outputs.push(sent(making, child.address, { is: 'stop', reason: 'parent' }))
  }
  forgetNames(making.family, live)
  for (const waiting of live.book.deferred ?? []) {
    const envelope = { ...waiting.envelope, seq: waiting.seq, sender: waiting.sender } as Arrived
    outputs.push({
      is: 'park',
      envelope,
      fault: storedFaultOf(new Fault('actor.done', { value: live.address, reason: 'ended' })),
    })
  }
}
