/**
 * Turns the actions of a machine's step into the actor's book and into outputs. It serves the
 * clause "what the actor sent, its timers, its new state": nothing is executed here, and the
 * book changes only after the machine's own transition has succeeded.
 */
import { type Address, childAddressOf } from '#protocol/address.ts'
import type { Ref } from '#protocol/codec.ts'
import type { AnyEvent, Ask, Content } from '#protocol/envelope.ts'
import type { Effect, ResumePolicy, Timer } from '#protocol/state.ts'
import type { Circumstances, Deed, Output } from './arrival.ts'
import { type Family, forgetNames, type Live } from './live.ts'
import type { MachineAction } from './machine-step.ts'
import { effectIdOf } from './effect-ref.ts'
import { firstBegun } from './attempts.ts'
import { effectPolicyOf } from './effect-policy.ts'
import { checkPattern } from './pattern.ts'
import { answerEmitted, answerTo } from './question.ts'

/** One step in the making. */
export type Draft = {
  readonly live: Live
  readonly around: Circumstances
  readonly outputs: Output[]
  readonly deeds: Deed[]
  /** The question on whose behalf this step happens, and until when anybody waits for it. */
  readonly ask: Ask | undefined
  readonly deadline: number | undefined
  /** The actor that sent the event: `reply()` answers it when no question is open. */
  readonly from: Address | undefined
  readonly cause: string | undefined
  readonly family: Family
  effects: number
}

export function interpret(draft: Draft, actions: readonly MachineAction[]): void {
  for (const action of actions) interpretOne(draft, action)
}

function interpretOne(draft: Draft, action: MachineAction): void {
  const { live, outputs, deeds } = draft
  switch (action.do) {
    case 'send':
      if (action.delay !== undefined)
        return armTimer(draft, { ...action, delay: action.delay, id: action.id ?? `send.${live.visits + 1}` })
      return sendTo(draft, action.to, action.event)
    case 'raise':
      return armTimer(draft, action)
    case 'cancel':
      return cancelTimer(live, action.id)
    case 'spawn':
      return spawn(draft, action)
    case 'stop':
      return stopChild(draft, action.id)
    case 'emit':
      outputs.push({ is: 'emit', event: action.event })
      return answerEmitted(draft, action.event)
    case 'log':
      deeds.push({ is: 'log', label: action.label, value: action.value })
      return
    case 'act':
      beginEffect(draft, {
        is: 'action',
        name: action.name,
        input: { params: action.params, event: action.event, context: action.context },
        child: undefined,
        sync: false,
      })
      return
    case 'reply':
      return answerTo(draft, action.value)
    case 'watch':
    case 'unwatch':
      outputs.push(sent(draft, action.address, { is: action.do, watcher: live.address }))
      return
    case 'subscribe': {
      checkPattern(action.pattern)
      const from =
        action.from === 'now'
          ? Math.max(draft.around.lastSeq, Number(draft.cause ?? 0))
          : action.from === 'start'
            ? 0
            : action.from - 1
      const known = live.book.subscriptions?.find((one) => one.pattern === action.pattern)
      const others = (live.book.subscriptions ?? []).filter((one) => one !== known)
      // Asked for again it goes on where it stands, lest an event come twice or never; only a position moves it.
      live.book.subscriptions = [
        ...others,
        { pattern: action.pattern, from: typeof action.from === 'number' ? from : (known?.from ?? from) },
      ]
      return
    }
    case 'unsubscribe': {
      const left = (live.book.subscriptions ?? []).filter((one) => one.pattern !== action.pattern)
      if (left.length > 0) live.book.subscriptions = left
      else delete live.book.subscriptions
    }
  }
}

export function sent(draft: Pick<Draft, 'deadline'>, to: Address, content: Content): Output {
  return { is: 'send', to, content, ask: undefined, deadline: draft.deadline }
}

export function sendTo(draft: Draft, to: Ref, event: AnyEvent): void {
  if (to.effectId === undefined) return void draft.outputs.push(sent(draft, to.address, { is: 'event', event }))
  // What runs for another actor is known to that one's owner alone.
  if (to.address !== draft.live.address)
    return void draft.outputs.push(sent(draft, to.address, { is: 'tell', effect: to.effectId, event }))
  const effect = effectIdOf(draft.live.book.children, to.effectId)
  if (effect !== undefined) draft.deeds.push({ is: 'tell', effect, event })
}

type Arming = {
  readonly event: AnyEvent
  readonly delay: number
  readonly id: string
  readonly delayName?: string
  readonly to?: Ref
}

function armTimer(draft: Draft, arming: Arming): void {
  const { live, around } = draft
  const policies = live.blueprint.options.delays
  const policy: ResumePolicy =
    policies?.[arming.delayName ?? ''] ?? policies?.[String(arming.delay)] ?? policies?.[arming.id] ?? 'deadline'
  const visit = ++live.visits
  const delay = Math.max(0, arming.delay)
  const timers = { ...live.book.timers }
  const earlier = timers[arming.id]
  // XState lets an earlier delayed send of the same id run on; only `cancel` forgets it.
  if (earlier !== undefined) timers[`${arming.id}#${earlier.visit}`] = earlier
  const timer: Timer = {
    name: arming.id,
    visit,
    due: around.now + delay,
    delay,
    event: arming.event,
    ...targetOf(live, arming.to),
    policy,
    awayMs: around.awayMs,
    ask: draft.ask,
    ...(draft.cause === undefined ? {} : { cause: draft.cause }),
  }
  timers[arming.id] = timer
  live.book.timers = timers
}

function targetOf(live: Live, to: Ref | undefined): Pick<Timer, 'to' | 'effect'> {
  if (to === undefined || (to.address === live.address && to.effectId === undefined)) return { to: undefined }
  return to.effectId === undefined ? { to: to.address } : { to: to.address, effect: to.effectId }
}

export function cancelTimer(live: Live, name: string): void {
  if (live.book.timers?.[name] === undefined) return
  const { [name]: _, ...left } = live.book.timers
  if (Object.keys(left).length > 0) live.book.timers = left
  else delete live.book.timers
}

function spawn(draft: Draft, action: Extract<MachineAction, { do: 'spawn' }>): void {
  const { live, outputs } = draft
  const { id, src, systemId, sync } = action
  // The machine may hold this child's address already, so the number is the one it was told.
  const count = action.spawn
  live.visits = Math.max(live.visits, count)
  const base = { src, spawn: count, sync, systemId }
  if (action.as === 'effect') {
    const effect = beginEffect(draft, { is: 'logic', name: src, input: action.input, child: id, sync })
    live.book.children = { ...live.book.children, [id]: { ...base, address: undefined, effect } }
    if (systemId !== undefined) draft.family.register(systemId, { address: live.address, id, effect })
    return
  }
  const address = childAddressOf(live.address, id, count)
  live.book.children = { ...live.book.children, [id]: { ...base, address, effect: undefined } }
  if (systemId !== undefined) draft.family.register(systemId, { address, id })
  const path = [...(live.book.parent?.path ?? []), src]
  const parent = {
    address: live.address,
    id,
    spawn: count,
    path,
    sync,
    ...(systemId === undefined ? {} : { systemId }),
  }
  outputs.push(sent(draft, address, { is: 'start', input: action.input, parent }))
}

type Begun = Pick<Effect, 'is' | 'name' | 'input' | 'child' | 'sync'>

function beginEffect(draft: Draft, begun: Begun): string {
  const { live, around } = draft
  const policy = effectPolicyOf(live.blueprint.options, begun.name)
  const own = policy.deadlineMs === undefined ? undefined : around.now + policy.deadlineMs
  const deadline = own === undefined ? draft.deadline : Math.min(own, draft.deadline ?? own)
  const effect: Effect = {
    ...begun,
    id: `${around.stepId}-${draft.effects++}`,
    attempt: 1,
    ...firstBegun(policy),
    begunAt: around.now,
    notBefore: 0,
    deadline,
    taken: 0,
    ask: draft.ask,
    cause: draft.cause,
  }
  live.book.effects = { ...live.book.effects, [effect.id]: effect }
  draft.deeds.push({ is: 'begin', effect })
  return effect.id
}

export function dropEffect(live: Live, id: string): void {
  if (live.book.effects?.[id] === undefined) return
  const { [id]: _, ...left } = live.book.effects
  if (Object.keys(left).length > 0) live.book.effects = left
  else delete live.book.effects
}

export function dropChild(live: Live, id: string): void {
  if (live.book.children?.[id] === undefined) return
  const { [id]: _, ...left } = live.book.children
  if (Object.keys(left).length > 0) live.book.children = left
  else delete live.book.children
}

export function stopChild(draft: Draft, id: string): void {
  const { live, outputs, deeds } = draft
  const child = live.book.children?.[id]
  if (child === undefined) return
  dropChild(live, id)
  forgetNames(draft.family, { address: child.address ?? live.address, effect: child.effect })
  if (child.effect !== undefined) {
    dropEffect(live, child.effect)
    deeds.push({ is: 'abort', effect: child.effect, reason: 'left' })
  } else if (child.address !== undefined) {
    outputs.push(sent(draft, child.address, { is: 'stop', reason: 'parent' }))
  }
}
