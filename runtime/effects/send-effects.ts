/**
 * Where an effect of an actor of this node runs: here, or on a node that carries its label. It
 * serves the clause "effects run after the commit". Invariants: an attempt is sent to one node at
 * a time, and to another only when that one is gone or would not have it; a new owner asks who
 * has it before it has it run again.
 */
import { type Address, kindOf } from '#protocol/address.ts'
import type { Errand, NodeLife, RunReport, RunState } from '#protocol/errand.ts'
import type { AnyEvent } from '#protocol/envelope.ts'
import type { Heartbeat } from '#protocol/heartbeat.ts'
import type { Book } from '#protocol/state.ts'
import type { Clock } from '#runtime/clock.ts'
import { carriersFor, lackOf, type Need } from '#runtime/core/carriers.ts'
import { effectPolicyOf } from '#runtime/core/effect-policy.ts'
import type { EffectHooks } from './effects.ts'
import type { Errands } from './errands.ts'
import { type Held, type HeldEffects, isNoted, type Place } from './held-effect.ts'
import type { Runs } from './run-here.ts'
import { trace } from '#runtime/trace.ts'
import { watchedEffects } from './watched-effects.ts'

export type Sender = {
  /** Into the line here, or to the node that is meant; waits when there is none. */
  place(one: Held): void
  /** The number of this attempt is on the log. */
  send(one: Held): void
  /** It runs there already: found by its new owner, or after it was given up. */
  adopt(one: Held, at: NodeLife, run: RunState): void
  tell(one: Held, event: AnyEvent): void
  /** Ends what may run of it elsewhere. */
  withdraw(one: Held): void
  dismiss(at: NodeLife, id: string): void
  /** What another node says of a run; whether that run can end. */
  hear(report: RunReport, from: NodeLife): 'wanted' | 'unwanted'
  consider(): void
  /** Its state was committed: what is not pending in it any more has ended where it was sent. */
  settle(address: Address, pending: Book['effects']): void
  stop(): void
}

type World = {
  readonly clock: Clock
  readonly hooks: EffectHooks
  readonly held: HeldEffects
  readonly errands: Errands
  readonly runs: Runs
  /** The node that may have run it is gone: whether it had its effect is unknown. */
  readonly onDeath: (one: Held) => void
}

type There = Extract<Place, { is: 'there' }>

/** Whoever would not have it is asked again after this, if nobody else would. */
const refusedMs = 1000

/**
 * A run's events count on from the last one that was taken, and this far behind it: so many of
 * the run before may still be on the log.
 */
const unreadEvents = 2 ** 20

export function senderOf(world: World): Sender {
  const { clock, hooks, held, errands, runs } = world
  const watched = watchedEffects()
  let seen = ''
  let asking: { cancel(): void } | undefined

  function place(one: Held): void {
    if (one.over) return
    const { label } = effectPolicyOf(one.blueprint.options, one.effect.name)
    if (label === undefined) return held.enter(one)
    const { self, others } = hooks.members()
    const need = { label, kind: kindOf(one.address), version: versionOf(one) }
    const carriers = carriersFor(one.effect.id, [self, ...others], need)
    const carrier = carriers.find(({ life }) => !one.refusals.has(life))
    if (carrier === undefined) return wait(one, need, [self, ...others])
    one.reason = undefined
    if (carrier.name === self.name) return held.enter(one)
    watched.add(one)
    one.at = thereAt({ node: carrier.name, life: carrier.life }, one.effect.attempt)
    begin(one)
  }

  function versionOf(one: Held): number {
    return hooks.kindOf(kindOf(one.address))?.version ?? one.blueprint.version
  }

  /** Its number first, unless that is on the log. */
  function begin(one: Held): void {
    const { effect, address } = one
    if (isNoted(effect)) send(one)
    else hooks.attempted(address, { ...effect, begun: effect.attempt })
  }

  /** Nobody can run it now. That it has not begun is noted, so that no restart takes it for lost. */
  function wait(one: Held, need: Need, nodes: readonly Heartbeat[]): void {
    const { effect, address } = one
    watched.add(one)
    const refused = [...one.refusals.values()]
    const reason =
      refused.length > 0
        ? `nodes with the label "${need.label}" would not run it: ${refused.join('; ')}`
        : `no node has the label "${need.label}" and serves ${need.kind} version ${need.version}; there are ${lackOf(nodes, need)}`
    if (reason !== one.reason)
      trace({ is: 'effect.waits', address, effect: effect.id, name: effect.name, for: 'carrier', reason })
    one.reason = reason
    if (isNoted(effect)) {
      one.effect = { ...effect, begun: effect.attempt - 1 }
      hooks.attempted(address, one.effect)
    }
    if (refused.length > 0) asking ??= clock.at(clock.now() + refusedMs, askAgain)
  }

  function askAgain(): void {
    asking = undefined
    for (const one of watched.all()) {
      if (one.refusals.size === 0) continue
      one.refusals.clear()
      if (isWaiting(one)) place(one)
    }
  }

  function send(one: Held): void {
    const { at } = one
    if (at.is !== 'there' || at.isGoing) return
    at.isGoing = true
    bringThere(one, at).catch((error: unknown) => {
      if (!one.over && one.at === at) runs.finish(one, { is: 'error', error })
    })
  }

  async function bringThere(one: Held, at: There): Promise<void> {
    const isWanted = (): boolean => !one.over && one.at === at
    const reply = await errands.insist(at, errandOf(one), { isWanted, mark: at })
    if (one.over || one.at !== at || reply === undefined) return
    if (reply.is === 'accepted') {
      const { address, effect } = one
      trace({
        is: 'effect.sent',
        address,
        effect: effect.id,
        name: effect.name,
        attempt: effect.attempt,
        node: at.node,
        isQueued: reply.isQueued,
      })
      accepted(one, at)
    } else if (reply.is === 'known') onKnown(one, at, reply.run)
    else {
      one.refusals.set(at.life, `${at.node}: ${reply.is === 'refused' ? reply.reason : reply.is}`)
      one.at = { is: 'nowhere' }
      place(one)
    }
  }

  function errandOf(one: Held): Errand {
    const { address, effect } = one
    return {
      is: 'run',
      address,
      effect: { ...effect, taken: one.nth, lastError: undefined },
      version: versionOf(one),
      path: hooks.standingOf(address, effect.id)?.path ?? [],
      names: hooks.namesOf(address).registered(),
    }
  }

  function accepted(one: Held, at: There): void {
    at.isAccepted = true
    for (const event of one.told.splice(0)) tell(one, event)
  }

  function onKnown(one: Held, at: There, run: RunState): void {
    if (run.state === 'failed') return failedThere(one, run)
    accepted(one, at)
  }

  function failedThere(one: Held, { nth, error }: RunState): void {
    watched.remove(one)
    one.at = { is: 'nowhere' }
    one.nth = Math.max(one.nth, nth)
    runs.failed(one, error)
  }

  function tell(one: Held, event: AnyEvent): void {
    const { at } = one
    if (at.is !== 'there' || !at.isAccepted) return void one.told.push(event)
    const errand = { is: 'tell', id: one.effect.id, nth: ++one.tells, event } as const
    const isWanted = (): boolean => !one.over && one.at === at
    // One after the other, so that none overtakes another.
    one.telling = one.telling.then(() => errands.insist(at, errand, { isWanted })).catch(() => undefined)
  }

  function withdraw(one: Held): void {
    const { at, effect } = one
    watched.remove(one)
    if (at.is === 'there' && at.isSent) dismiss(at, effect.id)
  }

  function dismiss(at: NodeLife, id: string): void {
    errands.insist(at, { is: 'abort', id }, { isWanted: () => true }).catch(() => undefined)
  }

  function adopt(one: Held, from: NodeLife, run: RunState): void {
    const { effect } = one
    // Of the two numbers the later one: no attempt is begun twice.
    const attempt = Math.max(run.attempt, effect.begun ?? effect.attempt)
    const at: There = { ...thereAt(from, run.attempt), isGoing: true, isSent: true }
    watched.add(one)
    one.effect = { ...effect, attempt, begun: attempt }
    one.reason = undefined
    one.at = at
    onKnown(one, at, run)
  }

  function hear(report: RunReport, { node, life }: NodeLife): 'wanted' | 'unwanted' {
    const standing = hooks.standingOf(report.address, report.id)
    if (standing === undefined) return 'wanted'
    if (standing.effect === undefined) return standing.isCommitted ? 'unwanted' : 'wanted'
    const one = held.all.get(report.id)
    if (one === undefined || !one.isOwn) return 'wanted'
    const { at } = one
    if (at.is === 'nowhere') {
      // It was given up, and nobody else had it since.
      if (isWaiting(one) && report.state === 'running') adopt(one, { node, life }, report)
      return 'wanted'
    }
    if (at.is !== 'there' || at.node !== node || at.life !== life) return 'unwanted'
    if (report.state === 'failed' && report.attempt === at.attempt) failedThere(one, report)
    return 'wanted'
  }

  /** The node that it was sent to is gone, or may have come for one that waits. */
  function consider(): void {
    if (watched.size === 0) return
    const { self, others } = hooks.members()
    const now = [self, ...others].map(({ life, phase, kinds }) => `${life} ${phase} ${String(kinds)}`).join()
    if (now === seen) return
    seen = now
    for (const one of watched.all()) {
      const { at } = one
      if (one.over || !one.isOwn || at.is === 'line' || at.is === 'here') watched.remove(one)
      else if (at.is === 'nowhere') {
        if (isWaiting(one)) place(one)
      } else if (!others.some(({ name, life }) => name === at.node && life === at.life)) gone(one, at)
    }
  }

  function settle(address: Address, pending: Book['effects']): void {
    if (watched.size === 0) return
    for (const one of watched.of(address)) {
      if (pending?.[one.effect.id] !== undefined) continue
      watched.remove(one)
      // Whoever runs it still learns that when it asks.
      if (one.isOwn) held.over(one)
    }
  }

  function gone(one: Held, at: There): void {
    const { address, effect } = one
    watched.remove(one)
    one.at = { is: 'nowhere' }
    trace({ is: 'effect.orphaned', address, effect: effect.id, name: effect.name, node: at.node })
    if (!at.isSent) return place(one)
    const taken = hooks.standingOf(address, effect.id)?.effect?.taken ?? 0
    one.nth = Math.max(one.nth, taken) + unreadEvents
    world.onDeath(one)
  }

  return { place, send, adopt, tell, withdraw, dismiss, hear, consider, settle, stop: () => asking?.cancel() }
}

function thereAt({ node, life }: NodeLife, attempt: number): There {
  return { is: 'there', node, life, attempt, isGoing: false, isSent: false, isAccepted: false }
}

function isWaiting({ over, at, reason }: Held): boolean {
  return !over && at.is === 'nowhere' && reason !== undefined
}
