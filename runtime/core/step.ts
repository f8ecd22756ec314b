/**
 * One step: an arrival meets an actor. It serves the clause "the machine makes a transition",
 * and is a pure function but for the live actor it is handed, which it changes; when it throws,
 * its caller drops that one and takes the last written state instead (see `supervise.ts`).
 */
import type { Address } from '#protocol/address.ts'
import { isChild } from '#protocol/address.ts'
import type { AnyEvent, Arrived, Content } from '#protocol/envelope.ts'
import { encode } from '#protocol/codec.ts'
import { Fault, type StoredFault, storedFaultOf } from '#protocol/fault.ts'
import type { Arrival } from './arrival.ts'
import type { Blueprint } from './blueprint.ts'
import { fireTimer } from './fire.ts'
import { cancelTimer, dropEffect, sent } from './interpret.ts'
import { beginActor } from './begin.ts'
import { onTell } from './effect-ref.ts'
import { endActor, forgetActor, isRemains, onLastWords } from './lifecycle.ts'
import type { Live } from './live.ts'
import {
  blank,
  close,
  type Making,
  makingOf,
  nothing,
  parked,
  parkInto,
  type StepInput,
  type Stepped,
} from './making.ts'
import { onAttempted, onCancel, onEffect } from './on-effect.ts'
import { drainOutbox } from './outbox.ts'
import { openQuestion } from './question.ts'
import { isInternal, retryDeferred, takeEvent } from './take-event.ts'
import { onRewind } from './rewind.ts'
import { problemsOf } from './validate.ts'

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
      if (input.live !== undefined && !isRemains(input.live)) return nothing(input.live, 'perdure.start', 'duplicate')
      return onNew(input, { input: undefined }, 'perdure.start')
    case 'drain':
      return onLive(input, 'perdure.outbox', drainOutbox)
    case 'adapted':
      return onLive(input, 'perdure.adapted', (making) => retryDeferred(making, true))
  }
}

function onEnvelope(input: StepInput, envelope: Arrived): Stepped {
  const { live, address } = input
  const { content } = envelope
  const type = content.is === 'event' ? content.event.type : `perdure.${content.is}`
  if (content.is === 'rewind') return onRewind(input, { envelope, content }, step)
  // One whose state does not fit can do nothing but go.
  if (live?.book.unfit !== undefined)
    return isFarewell(content) ? forgotten(input, live, type) : parked(input, envelope, type, live.book.unfit)
  if (content.is === 'start') return onStart(input, envelope)
  if (live === undefined || (isRemains(live) && isBirth(envelope))) {
    if (content.is === 'watch') return tellWatcher(input, content.watcher)
    if (content.is !== 'event') return nothing(live, type, 'stale')
    if (isChild(address))
      return isInternal(type)
        ? nothing(live, type, 'stale')
        : parked(input, envelope, type, storedFaultOf(new Fault('actor.absent', { value: address })))
    // An effect speaks to the actor that asked for it, or to its family: it brings nobody into being.
    if (envelope.sender === 'e')
      return parked(
        input,
        envelope,
        type,
        storedFaultOf(new Fault('actor.done', { value: address, reason: 'deleted' })),
      )
    const invalid = invalidity(input.root, envelope, content.event)
    if (invalid !== undefined) return parked(input, envelope, type, invalid)
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
      case 'tell':
        return isRepeated(making, envelope) ? undefined : onTell(making, content)
      case 'cancel':
        return onCancel(making, content.ask, envelope.from)
    }
  })
}

/** What makes an actor of nobody, also where something of a deleted one remains. */
function isBirth({ to, content }: Arrived): boolean {
  return content.is === 'event' && !isChild(to) && !isInternal(content.event.type)
}

/** Runs one handler on a live actor and closes the step. */
function onLive(input: StepInput, type: string, handle: (making: Making) => void): Stepped {
  const { live } = input
  if (live === undefined || live.book.unfit !== undefined) return nothing(live, type, 'stale')
  const making = makingOf(input, live)
  handle(making)
  return close(making, type)
}

function onNew(
  input: StepInput,
  start: { readonly input: unknown; readonly parent?: Live['book']['parent'] },
  type: string,
  then?: (making: Making) => void,
): Stepped {
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
  if (input.live !== undefined && !isRemains(input.live)) {
    if (isSameInput(input.live.book.input, content.input) || content.parent !== undefined)
      return nothing(input.live, 'perdure.start', 'duplicate')
    return parked(input, envelope, 'perdure.start', storedFaultOf(new Fault('actor.exists', { value: input.address })))
  }
  return onNew(input, { input: content.input, parent: content.parent }, 'perdure.start')
}

function isSameInput(first: unknown, again: unknown): boolean {
  return first === again || Buffer.compare(encode(first), encode(again)) === 0
}

/**
 * An invalid event is its sender's mistake: it never counts as a failure of the machine. A schema is
 * for what others send; what the node tells by an envelope is not in it.
 */
function invalidity(blueprint: Blueprint, { sender }: Arrived, event: AnyEvent): StoredFault | undefined {
  if (isInternal(event.type) || (event.type === 'actor.ended' && typeof sender === 'number')) return undefined
  const problems = problemsOf(blueprint, event)
  return problems === undefined
    ? undefined
    : storedFaultOf(new Fault('event.invalid', { value: event.type, kind: blueprint.kind, problems }))
}

function onEvent(making: Making, envelope: Arrived, event: AnyEvent): void {
  const { live, around } = making
  if (isRepeated(making, envelope)) return
  if (isInternal(event.type)) {
    if (!isOfPresentChild(live, envelope, event)) {
      making.mark = 'stale'
      return
    }
  } else {
    const invalid = invalidity(live.blueprint, envelope, event)
    if (invalid !== undefined) return parkInto(making, envelope, invalid)
    if (envelope.ask !== undefined) {
      const full = openQuestion(live, envelope.ask, around)
      if (full !== undefined) return parkInto(making, envelope, storedFaultOf(full))
      making.changed = true
    }
  }
  takeEvent(making, event)
}

function onEnded(input: StepInput, live: Live, envelope: Arrived, type: string): Stepped {
  const { content } = envelope
  const { ended } = live.book
  if (content.is === 'watch') return tellWatcher(input, content.watcher)
  if (isFarewell(content)) return forgotten(input, live, type)
  if (content.is === 'effect' || content.is === 'resolveEffect')
    return onLive(input, type, (making) => onLastWords(making, envelope, content))
  // Late results and signals of a finished life are expected; only events of somebody are kept.
  if (content.is !== 'event' || isInternal(type)) return nothing(live, type, 'stale')
  if (envelope.id !== undefined && live.book.ids?.[idOf(envelope)] !== undefined)
    return nothing(live, type, 'duplicate')
  const fault = storedFaultOf(new Fault('actor.done', { value: live.address, reason: ended?.reason ?? 'done' }))
  return parked(input, envelope, type, fault)
}

function isFarewell(content: Content): boolean {
  return content.is === 'delete' || (content.is === 'stop' && content.reason === 'parent')
}

function forgotten(input: StepInput, live: Live, type: string): Stepped {
  const making = makingOf(input, live)
  forgetActor(making)
  return close(making, type)
}

function tellWatcher(input: StepInput, watcher: Address): Stepped {
  const { live, address } = input
  const reason = live?.book.ended?.reason ?? 'absent'
  const event = { type: 'actor.ended', address, reason, output: live?.stored?.output }
  return {
    live,
    outcome: { ...blank('perdure.watch'), outputs: [sent({ deadline: undefined }, watcher, { is: 'event', event })] },
  }
}

function onTopic(making: Making, arrival: Extract<Arrival, { by: 'topic' }>): void {
  const { live } = making
  const subscription = live.book.subscriptions?.find((one) => one.pattern === arrival.pattern)
  if (subscription === undefined || subscription.from >= arrival.seq || live.book.ended !== undefined) {
    making.mark = 'stale'
    return
  }
  live.book.subscriptions = (live.book.subscriptions ?? []).map((one) =>
    one === subscription ? { ...one, from: arrival.seq } : one,
  )
  making.changed = true
  takeEvent(making, arrival.event)
}

/** Signals of children count only while that very spawn lives: a later one of the same id is another. */
function isOfPresentChild(live: Live, envelope: Arrived, event: AnyEvent): boolean {
  const id = /^xstate\.(?:done\.actor|error\.actor|snapshot)\.(.+)$/.exec(event.type)?.[1]
  if (id === undefined) return true
  return live.book.children?.[id]?.address === envelope.from
}

function idOf({ from = '', id }: Arrived): string {
  return `${from}:${id}`
}

function isRepeated(making: Making, envelope: Arrived): boolean {
  if (envelope.id === undefined) return false
  if (rememberId(making.live, idOf(envelope), making.around.now)) making.changed = true
  else making.mark = 'duplicate'
  return making.mark === 'duplicate'
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
