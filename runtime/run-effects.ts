/**
 * Runs effects: "effects run after the commit and answer as envelopes". Invariants: an effect
 * runs only when its record is on the log; its result counts only while its id is pending, so a
 * copy, a stale owner's or a late one is harmless; running never holds up stepping.
 */
import { type Address, kindOf } from '#protocol/address.ts'
import { runAction } from './action-run.ts'
import type { AnyEvent, EffectResult, Envelope } from '#protocol/envelope.ts'
import { Fault, storedFaultOf } from '#protocol/fault.ts'
import { partitionOf } from '#protocol/partition.ts'
import type { Effect } from '#protocol/state.ts'
import type { Bus } from './bus.ts'
import type { Clock } from './clock.ts'
import { afterDeath, afterFailure } from './core/attempts.ts'
import type { Blueprint } from './core/blueprint.ts'
import { effectPolicyOf, undeclared } from './core/effect-policy.ts'
import { type EffectPost, effectPostOf } from './effect-post.ts'
import { placesOf } from './core/places.ts'
import { type EffectRun, runLogic } from './effect-run.ts'
import { systemFor, type Voice, voiceOf } from './effect-system.ts'
import { restOf } from './rest.ts'
import { trace } from './trace.ts'
import type { Effects, EffectHooks } from './effects.ts'

type Held = {
  readonly address: Address
  readonly blueprint: Blueprint
  readonly partition: number
  effect: Effect
  run: EffectRun | undefined
  /** It takes one of the places that its kind has; also in the moment before `run` is known. */
  isBegun: boolean
  /** What it was sent before it ran: it waits for a place, or for its next attempt. */
  readonly told: AnyEvent[]
  alarms: { cancel(): void }[]
  over: boolean
  nth: number
  /** What it sends is stored one after the other: order holds, and nothing overtakes a resend. */
  posting: Promise<void>
}

export function effectsOf(
  world: { readonly bus: Bus; readonly clock: Clock; readonly hooks: EffectHooks },
  options: { readonly limit: number; readonly retryMs: number },
): Effects {
  const { bus, clock, hooks } = world
  const { check, post } = effectPostOf({ bus, clock }, options.retryMs)
  const held = new Map<string, Held>()
  const places = placesOf<Held>(start, (one) => one.over)
  const undecided = new Set<string>()

  let delivering = 0
  const rest = restOf(clock, () => delivering > 0 || [...held.values()].some((one) => one.isBegun))

  function release(one: Held): void {
    one.isBegun = false
    places.leave(kindOf(one.address))
    rest.check()
  }

  function over(one: Held): void {
    if (one.over) return
    one.over = true
    letGo(one)
  }

  function letGo(one: Held): void {
    for (const alarm of one.alarms) alarm.cancel()
    held.delete(one.effect.id)
    undecided.delete(one.effect.id)
    if (one.isBegun) release(one)
  }

  function enqueue(one: Held): void {
    if (one.over) return
    places.enter(kindOf(one.address), one.blueprint.options.effectLimit ?? options.limit, one)
  }

  /** It has a place. The number of a later attempt goes onto the log before it starts. */
  function start(one: Held): void {
    one.isBegun = true
    const { effect, address } = one
    if (effect.attempt === 1) run(one)
    else hooks.attempted(address, { ...effect, begun: effect.attempt })
  }

  function run(one: Held): void {
    const { effect, address, blueprint } = one
    trace({ is: 'effect.begun', address, effect: effect.id, name: effect.name, attempt: effect.attempt })
    if (effect.is === 'action') return act(one)
    const logic = blueprint.child(effect.name)?.logic
    if (logic === undefined)
      return finish(one, { is: 'error', error: new Fault('spawn.unknown', { value: effect.name }) })
    const offset = one.nth
    const running = runLogic(
      {
        logic: logic,
        input: effect.input,
        id: effect.child ?? effect.name,
        sync: effect.sync,
        system: systemFor(hooks.namesOf(address), voiceFor(one)),
      },
      (result) => {
        if (one.over) return
        if (result.is === 'error') return failed(one, result.error)
        if (result.is === 'done' || result.is === 'unknown') return finish(one, result)
        one.nth = offset + result.nth
        tellResult(one, { ...result, nth: one.nth })
      },
    )
    // It may have ended, or failed for this time, before there was anything to hold on to.
    if (one.over || one.effect !== effect) return running.stop()
    one.run = running
    for (const event of one.told.splice(0)) running.tell(event)
  }

  /** A named custom action: its function runs once the commit that asked for it is on the log. */
  function act(one: Held): void {
    const { effect, address, blueprint } = one
    const input = effect.input as { params: unknown; event: AnyEvent; context: unknown }
    const work = {
      name: effect.name,
      call: blueprint.action(effect.name),
      address,
      input,
      names: hooks.namesOf(address),
      voice: voiceFor(one),
      sent: () => one.posting,
    }
    one.run = runAction(work, {
      done() {
        if (one.over) return
        trace({ is: 'effect.ended', address, effect: effect.id, name: effect.name, outcome: 'done' })
        over(one)
        hooks.settled(address, effect.id)
      },
      failed(error) {
        if (!one.over) failed(one, error)
      },
    })
  }

  function failed(one: Held, error: unknown): void {
    const { effect, address } = one
    const next = afterFailure(effect, effectPolicyOf(one.blueprint.options, effect.name), { error, now: clock.now() })
    if (next === undefined) {
      if (effect.attempt > 1 && error instanceof Error && Object.isExtensible(error))
        Object.assign(error, { attempts: effect.attempt })
      return finish(one, { is: 'error', error })
    }
    one.run?.stop()
    release(one)
    one.run = undefined
    one.effect = next
    trace({
      is: 'effect.retry',
      address,
      effect: effect.id,
      name: effect.name,
      attempt: next.attempt,
      fault: storedFaultOf(error),
    })
    hooks.attempted(address, next)
    one.alarms.push(clock.at(next.notBefore, () => enqueue(one)))
  }

  function finish(one: Held, result: EffectResult): void {
    const { effect, address } = one
    one.run?.stop()
    trace({
      is: 'effect.ended',
      address,
      effect: effect.id,
      name: effect.name,
      outcome: result.is === 'done' ? 'done' : result.is === 'unknown' ? 'unknown' : 'error',
    })
    over(one)
    tellResult(one, result)
  }

  function tellResult(one: Held, result: EffectResult): void {
    queue(one, { is: 'effect', effect: one.effect.id, result })
  }

  /** Numbered by its run, so that neither a resend nor a second run makes a second event of one. */
  function voiceFor(one: Held): Voice {
    return voiceOf((to, content, id) => {
      check({ ...one, content, id, to: to.address })
      queue(one, content, { id, to: to.address })
    })
  }

  function queue(one: Held, content: Envelope['content'], by: Pick<EffectPost, 'id' | 'to'> = {}): void {
    delivering++
    one.posting = one.posting
      .then(() => post({ ...one, ...by, content }))
      .finally(() => {
        delivering--
        rest.check()
      })
  }

  /** The process that ran it ended: whether it had its effect is unknown. */
  async function resume(one: Held): Promise<void> {
    const { id, name, input, attempt } = one.effect
    const next = afterDeath(one.effect, effectPolicyOf(one.blueprint.options, name))
    switch (next.is) {
      case 'go':
        one.effect = next.effect
        one.alarms.push(clock.at(next.effect.notBefore, () => enqueue(one)))
        return
      case 'unknown':
        return finish(one, { is: 'unknown' })
      case 'ask':
        undecided.add(id)
        return trace({ is: 'effect.waits', address: one.address, effect: id, name })
      case 'find':
        try {
          finish(one, await next.find({ id, input, attempt }))
        } catch (error) {
          finish(one, { is: 'error', error })
        }
    }
  }

  return {
    get running() {
      return held.size
    },
    isUndecided: (id) => undecided.has(id),
    begin(address, blueprint, effect, fresh) {
      if (held.has(effect.id)) return
      const one: Held = {
        address,
        blueprint,
        partition: partitionOf(address, bus.realm.partitions),
        effect,
        run: undefined,
        isBegun: false,
        told: [],
        alarms: [],
        over: false,
        nth: effect.taken,
        posting: Promise.resolve(),
      }
      held.set(effect.id, one)
      if (!blueprint.allows(effect.name)) {
        trace({ is: 'effect.ended', address, effect: effect.id, name: effect.name, outcome: 'refused' })
        over(one)
        const error = undeclared(blueprint.kind, blueprint.options, effect.name)
        return tellResult(one, { is: 'error', error })
      }
      if (effect.deadline !== undefined) {
        const { deadline } = effect
        one.alarms.push(
          clock.at(deadline, () =>
            finish(one, {
              is: 'error',
              error: new Fault('effect.deadline', { value: effect.name, ms: deadline - effect.begunAt }),
            }),
          ),
        )
      }
      if (fresh) enqueue(one)
      else void resume(one)
    },
    attempt(id, attempt) {
      const one = held.get(id)
      if (one === undefined || !one.isBegun || one.run !== undefined || one.effect.attempt !== attempt) return
      one.effect = { ...one.effect, begun: attempt }
      run(one)
    },
    abort(id, reason) {
      const one = held.get(id)
      if (one === undefined) return
      if (reason === 'cancelled')
        return finish(one, { is: 'error', error: new Fault('ask.cancelled', { value: one.effect.name }) })
      one.run?.stop()
      trace({ is: 'effect.ended', address: one.address, effect: id, name: one.effect.name, outcome: 'aborted' })
      over(one)
    },
    tell(id, event) {
      const one = held.get(id)
      if (one?.run !== undefined) one.run.tell(event)
      else one?.told.push(event)
    },
    drop(partition) {
      // All of them at once: the place of one is not for another that is let go, too.
      const dropped = [...held.values()].filter((one) => partition === undefined || one.partition === partition)
      for (const one of dropped) one.over = true
      for (const one of dropped) {
        one.run?.stop()
        letGo(one)
      }
    },
    drain: (until) => rest.by(until),
  }
}
