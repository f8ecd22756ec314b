/**
 * Beginning and end of an actor. Invariant: whoever waits on an actor (parent, watchers, those
 * who asked) hears of its end in the very commit that ends it, and nothing that it still held
 * is lost: deferred events are parked, effects aborted, children stopped.
 */
import type { Arrived } from '#protocol/envelope.ts'
import { Fault, plainErrorOf, storedFaultOf } from '#protocol/fault.ts'
import type { Ended } from '#protocol/state.ts'
import { interpret, sent } from './interpret.ts'
import { blueprintFor, type Live, surroundingsOf } from './live.ts'
import type { MachineStep } from './machine-step.ts'
import { dehydrate, initialStep } from './machine.ts'
import { answerAll } from './question.ts'
import type { Making, StepInput } from './making.ts'
import { settle } from './take-event.ts'

const monthMs = 30 * 86_400_000

export type Begun = { readonly live: Live; readonly settle: (making: Making) => void }

/** A new actor with its initial snapshot; its initial actions are done when the step settles it. */
export function beginActor(input: Pick<StepInput, 'root' | 'address' | 'around' | 'family'>, start: { readonly input: unknown; readonly parent?: Live['book']['parent'] }): Begun {
  const { root, address, around, family } = input
  const book: Live['book'] = {}
  if (start.input !== undefined) book.input = start.input
  if (start.parent !== undefined) book.parent = start.parent
  const blueprint = blueprintFor(root, book)
  const live: Live = {
    address,
    blueprint,
    snapshot: undefined as unknown as Live['snapshot'],
    stored: undefined,
    book,
    version: blueprint.version,
    hash: blueprint.hash,
    visits: 0,
    steps: 0,
    bornAt: around.now,
    steppedAt: around.now,
  }
  const first: MachineStep = initialStep(blueprint, start.input, surroundingsOf(live, family))
  return {
    live,
    settle(making) {
      settle(making, first.snapshot, () => interpret(making, first.actions))
    },
  }
}

export function endActor(making: Making, reason: Ended['reason'], end: { readonly output?: unknown; readonly error?: unknown }): void {
  const { live, around, outputs } = making
  if (live.book.ended !== undefined) return
  const error = end.error === undefined ? undefined : plainErrorOf(end.error)
  const stored = dehydrate(live.blueprint, live.snapshot)
  const status = reason === 'done' ? 'done' : reason === 'error' ? 'error' : 'stopped'
  live.stored = { ...stored, status, ...(error === undefined ? {} : { error }) }
  letGo(making)
  const { parent, watchers = [] } = live.book
  if (parent !== undefined && reason !== 'stopped') {
    const type = reason === 'done' ? `xstate.done.actor.${parent.id}` : `xstate.error.actor.${parent.id}`
    const event = reason === 'done' ? { type, output: end.output, actorId: parent.id } : { type, error: end.error === undefined ? error : error, actorId: parent.id }
    outputs.push(sent(making, parent.address, { is: 'event', event }))
  }
  for (const watcher of watchers) {
    const event = { type: 'actor.ended', address: live.address, reason, output: end.output, error }
    outputs.push(sent(making, watcher, { is: 'event', event }))
  }
  if (reason === 'done') answerAll(live, outputs, { output: end.output })
  else answerAll(live, outputs, { fault: storedFaultOf(new Fault('actor.failed', { value: live.address, reason: error?.message ?? reason })) })
  const { parent: kept, input, counts } = live.book
  live.book = {
    ...(kept === undefined ? {} : { parent: kept }),
    ...(input === undefined ? {} : { input }),
    ...(counts === undefined ? {} : { counts }),
    ended: { reason, at: around.now, retire: around.now + (live.blueprint.options.retainMs ?? monthMs) },
  }
  making.changed = true
}

/** Nothing of it remains. */
export function forgetActor(making: Making): void {
  const { live, outputs } = making
  if (live.book.ended === undefined) {
    letGo(making)
    for (const watcher of live.book.watchers ?? []) {
      outputs.push(sent(making, watcher, { is: 'event', event: { type: 'actor.ended', address: live.address, reason: 'deleted' } }))
    }
    answerAll(live, outputs, { fault: storedFaultOf(new Fault('actor.done', { value: live.address, reason: 'deleted' })) })
  } else {
    letGo(making)
  }
  making.changed = true
  making.gone = true
}

/** The retention is over: only the fact that it ended stays. */
export function buryActor(making: Making): void {
  const { live } = making
  const { ended } = live.book
  if (ended === undefined) return
  letGo(making)
  live.stored = { status: live.stored?.status ?? 'done', value: null, context: undefined, history: undefined, output: undefined, error: undefined }
  live.book = { ended: { ...ended, retire: Number.MAX_SAFE_INTEGER } }
  making.changed = true
}

/** Aborts effects, stops children, parks what waited. Children of an ended actor go when it goes. */
function letGo(making: Making): void {
  const { live, outputs, deeds } = making
  for (const id in live.book.effects) deeds.push({ is: 'abort', effect: id, reason: 'left' })
  for (const child of Object.values(live.book.children ?? {})) {
    if (child.address !== undefined) outputs.push(sent(making, child.address, { is: 'stop', reason: 'parent' }))
    if (child.systemId !== undefined) making.family.register(child.systemId, undefined)
  }
  for (const waiting of live.book.deferred ?? []) {
    const envelope = { ...waiting.envelope, seq: waiting.seq, sender: waiting.sender } as Arrived
    outputs.push({ is: 'park', envelope, fault: storedFaultOf(new Fault('actor.done', { value: live.address, reason: 'ended' })) })
  }
}
