/**
 * The effects of a node: "effects run after the commit and answer as envelopes". Invariants: an
 * effect runs only when its record is on the log; its result counts only while its id is pending,
 * so a copy, a stale owner's or a late one is harmless. What runs here stands in run-here.ts,
 * what is sent elsewhere in send-effects.ts, what runs for others in carry-effects.ts.
 */
import { Fault } from '#protocol/fault.ts'
import { partitionOf } from '#protocol/partition.ts'
import type { Bus } from '#runtime/bus.ts'
import { carryingOf } from './carry-effects.ts'
import type { Clock } from '#runtime/clock.ts'
import { afterDeath } from '#runtime/core/attempts.ts'
import { effectPolicyOf, undeclared } from '#runtime/core/effect-policy.ts'
import { effectPostOf } from './effect-post.ts'
import { noNames } from './effect-system.ts'
import type { EffectHooks, Effects } from './effects.ts'
import type { Firewall } from '#runtime/forks/firewall.ts'
import { endedEffects } from './ended-effects.ts'
import { errandsOf } from './errands.ts'
import { finderOf, type Found } from './find-effects.ts'
import { heldBackOf } from './held-back.ts'
import { fixedNames, type Held, heldEffects, isNoted } from './held-effect.ts'
import { runsOf } from './run-here.ts'
import { senderOf } from './send-effects.ts'
import { trace } from '#runtime/trace.ts'

export type EffectsOptions = {
  readonly name: string
  /** How many of a kind run at once, where the kind says nothing. */
  readonly limit: number
  readonly retryMs: number
  /** How long another node is waited for. */
  readonly replyMs: number
}

export function effectsOf(
  world: {
    readonly bus: Bus
    readonly clock: Clock
    readonly hooks: EffectHooks
    /** In a fork. */
    readonly firewall?: Firewall | undefined
    /** Timers stand still, and so do deadlines; when they go on, what runs is taken over again. */
    readonly isStill?: () => boolean
  },
  options: EffectsOptions,
): Effects {
  const { bus, clock, hooks } = world
  const { partitions } = bus.realm
  const undecided = new Set<string>()
  const ended = endedEffects()
  const held = heldEffects({ clock, start }, options.limit)
  const errands = errandsOf({ bus, clock, members: hooks.members }, options)
  const runs = runsOf({
    clock,
    held,
    hooks,
    ended,
    ...effectPostOf({ bus, clock }, options.retryMs),
    again: (one) => sender.place(one),
    mayRun: (one) => !heldBack.has(one),
    onFailed: (one) => carrying.report(one),
    onOver: (one) => sender.withdraw(one),
  })
  const heldBack = heldBackOf({ clock, firewall: world.firewall, hooks, held, runs })
  const sender = senderOf({ clock, hooks, held, errands, runs, onDeath: resume })
  const carrying = carryingOf({ clock, partitions, hooks, held, ended, errands, sender })
  const find = finderOf({ clock, hooks, errands, onFound }, { waitMs: options.replyMs })
  const serving = errands.serve(carrying.answer)

  /** It has a place here. The number of a later attempt goes onto the log before it starts. */
  function start(one: Held): void {
    const { effect, address } = one
    if (!one.isOwn || isNoted(effect)) runs.run(one)
    else hooks.attempted(address, { ...effect, begun: effect.attempt })
  }

  /** The process that ran it ended: whether it had its effect is unknown. */
  function resume(one: Held): void {
    const { id, name } = one.effect
    const next = afterDeath(one.effect, effectPolicyOf(one.blueprint.options, name))
    switch (next.is) {
      case 'go':
        one.effect = next.effect
        one.alarms.push(clock.at(next.effect.notBefore, () => sender.place(one)))
        return
      case 'unknown':
        return runs.finish(one, { is: 'unknown' })
      case 'ask': {
        undecided.add(id)
        const reason = 'nobody knows how it ended'
        return trace({ is: 'effect.waits', address: one.address, effect: id, name, for: 'decision', reason })
      }
      case 'find':
        void ask(one, next.find)
    }
  }

  async function ask(one: Held, resolver: Extract<ReturnType<typeof afterDeath>, { is: 'find' }>['find']) {
    const { id, input, attempt } = one.effect
    const result = await Promise.resolve()
      .then(() => resolver({ id, input, attempt }))
      .catch((error: unknown) => ({ is: 'error' as const, error }))
    if (!one.over) runs.finish(one, result)
  }

  function onFound(one: Held, [first, ...others]: readonly Found[]): void {
    // Let go meanwhile, it is for its next owner to say.
    if (!one.isOwn) return
    const wanted = one.over ? undefined : first
    for (const { at, run } of first !== undefined && one.over ? [first, ...others] : others)
      if (run.state !== 'ended') sender.dismiss(at, one.effect.id)
    if (wanted !== undefined) sender.adopt(one, wanted.at, wanted.run)
    else if (!one.over) resume(one)
  }

  function armDeadline(one: Held): void {
    const { deadline, begunAt, name: value } = one.effect
    if (deadline === undefined || world.isStill?.() === true) return
    const ms = deadline - begunAt
    const onDeadline = (): void => {
      const { reason } = one
      const { label } = effectPolicyOf(one.blueprint.options, value)
      const error =
        reason === undefined
          ? new Fault('effect.deadline', { value, ms })
          : new Fault('effect.unplaced', { value, ms, label, reason })
      runs.finish(one, { is: 'error', error })
    }
    one.alarms.push(clock.at(deadline, onDeadline))
  }

  /** It ran here for the owner before, and that is this node from now on. */
  function takeOver(one: Held): void {
    one.isOwn = true
    armDeadline(one)
    if (one.failure === undefined) return
    const { error } = one.failure
    one.failure = undefined
    runs.failed(one, error)
  }

  /** Of one partition only its own: what runs for another node is not this owner's. */
  function those(partition: number | undefined): Held[] {
    return [...held.all.values()].filter((one) => partition === undefined || (one.isOwn && one.partition === partition))
  }

  function letGo(ones: readonly Held[]): void {
    for (const one of ones) one.isOwn = false
    held.overAll(ones)
    for (const { effect } of ones) undecided.delete(effect.id)
  }

  return {
    get running() {
      return [...held.all.values()].filter(({ at }) => at.is !== 'there').length
    },
    isUndecided: (id) => undecided.has(id) && held.all.has(id),
    placeOf(id) {
      const one = held.all.get(id)
      if (one?.at.is === 'there') return { node: one.at.node }
      return one?.reason === undefined ? undefined : { reason: one.reason }
    },
    begin(address, blueprint, effect, fresh) {
      const known = held.all.get(effect.id)
      if (known !== undefined) return known.isOwn ? undefined : takeOver(known)
      const partition = partitionOf(address, partitions)
      const one = held.add({ address, partition, blueprint, effect, isOwn: true, names: noNames })
      if (!blueprint.allows(effect.name)) {
        trace({ is: 'effect.ended', address, effect: effect.id, name: effect.name, outcome: 'refused' })
        const error = undeclared(blueprint.kind, blueprint.options, effect.name)
        return runs.say(one, { is: 'error', error })
      }
      if (heldBack.has(one)) return heldBack.begin(one)
      armDeadline(one)
      if (fresh) sender.place(one)
      else if (hooks.members().others.length === 0) resume(one)
      else find(one)
    },
    attempt(id, attempt) {
      const one = held.all.get(id)
      if (one === undefined || one.run !== undefined || one.effect.attempt !== attempt) return
      if (one.at.is !== 'here' && one.at.is !== 'there') return
      one.effect = { ...one.effect, begun: attempt }
      if (one.at.is === 'here') runs.run(one)
      else sender.send(one)
    },
    abort(id, reason) {
      const one = held.all.get(id)
      if (one === undefined) return
      if (reason === 'cancelled')
        return runs.finish(one, { is: 'error', error: new Fault('ask.cancelled', { value: one.effect.name }) })
      trace({ is: 'effect.ended', address: one.address, effect: id, name: one.effect.name, outcome: 'aborted' })
      sender.withdraw(one)
      held.over(one)
    },
    tell(id, event) {
      const one = held.all.get(id)
      if (one === undefined || heldBack.has(one)) return
      if (one.run !== undefined) one.run.tell(event)
      else sender.tell(one, event)
    },
    drop: (partition) => letGo(those(partition)),
    handOver(partition) {
      const ones = those(partition)
      // What is not on the log as begun is for the next owner to begin.
      const staying = ones.filter(({ at, effect, run }) => run !== undefined || (at.is === 'line' && isNoted(effect)))
      letGo(ones.filter((one) => !staying.includes(one)))
      for (const one of staying) {
        one.names = fixedNames(hooks.namesOf(one.address))
        one.isOwn = false
        for (const alarm of one.alarms.splice(0)) alarm.cancel()
      }
      if (staying.length > 0) carrying.watch()
    },
    consider: sender.consider,
    settle(address, pending) {
      sender.settle(address, pending)
      heldBack.settle(address, pending)
    },
    drain: (until) => held.drain(until),
    stop() {
      serving.stop()
      carrying.stop()
      sender.stop()
    },
  }
}
