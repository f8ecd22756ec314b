/**
 * Runs effects: "effects run after the commit and answer as envelopes". Invariants: an effect
 * runs only when its record is on the log; its result counts only while its id is pending, so a
 * copy, a stale owner's or a late one is harmless; running never holds up stepping.
 */
import { type Address, kindOf } from '#protocol/address.ts'
import { runAction } from './action-run.ts'
import type { AnyEvent, EffectResult, Envelope } from '#protocol/envelope.ts'
import { Fault, plainErrorOf, storedFaultOf } from '#protocol/fault.ts'
import { partitionOf } from '#protocol/partition.ts'
import type { Effect } from '#protocol/state.ts'
import type { Bus } from './bus.ts'
import type { Clock } from './clock.ts'
import type { Blueprint } from './core/blueprint.ts'
import { effectPolicyOf } from './core/effect-policy.ts'
import { effectPostOf } from './effect-post.ts'
import { placesOf } from './core/places.ts'
import { type EffectRun, runLogic } from './effect-run.ts'
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
  /** Events that its function sent by itself. */
  sent: number
  /** What it sends is stored one after the other: order holds, and nothing overtakes a resend. */
  posting: Promise<void>
}

export function effectsOf(
  world: { readonly bus: Bus; readonly clock: Clock; readonly hooks: EffectHooks },
  options: { readonly limit: number; readonly retryMs: number },
): Effects {
  const { bus, clock, hooks } = world
  const post = effectPostOf({ bus, clock }, options.retryMs)
  const held = new Map<string, Held>()
  const places = placesOf<Held>(start, (one) => one.over)
  const waiters: (() => void)[] = []
  const undecided = new Set<string>()

  let delivering = 0

  function release(one: Held): void {
    one.isBegun = false
    places.leave(kindOf(one.address))
    wakeWaiters()
  }

  function isAtWork(): boolean {
    return delivering > 0 || [...held.values()].some((one) => one.isBegun)
  }

  function wakeWaiters(): void {
    if (waiters.length > 0 && !isAtWork()) for (const wake of waiters.splice(0)) wake()
  }

  function over(one: Held): void {
    if (one.over) return
    one.over = true
    for (const alarm of one.alarms) alarm.cancel()
    held.delete(one.effect.id)
    undecided.delete(one.effect.id)
    if (one.isBegun) release(one)
  }

  function enqueue(one: Held): void {
    if (one.over) return
    places.enter(kindOf(one.address), one.blueprint.options.effectLimit ?? options.limit, one)
  }

  function start(one: Held): void {
    one.isBegun = true
    const { effect, address, blueprint } = one
    trace({ is: 'effect.begun', address, effect: effect.id, name: effect.name, attempt: effect.attempt })
    if (effect.is === 'action') return act(one)
    const logic = blueprint.child(effect.name)?.logic
    if (logic === undefined)
      return finish(one, { is: 'error', error: new Fault('spawn.unknown', { value: effect.name }) })
    const offset = one.nth
    const run = runLogic(
      { logic: logic, input: effect.input, id: effect.child ?? effect.name, sync: effect.sync },
      (result) => {
        if (one.over) return
        if (result.is === 'error') return failed(one, result.error)
        if (result.is === 'done' || result.is === 'unknown') return finish(one, result)
        one.nth = offset + result.nth
        tellResult(one, { ...result, nth: one.nth })
      },
    )
    // It may have ended, or failed for this time, before there was anything to hold on to.
    if (one.over || one.effect !== effect) return run.stop()
    one.run = run
    for (const event of one.told.splice(0)) run.tell(event)
  }

  /** A named custom action: its function runs once the commit that asked for it is on the log. */
  function act(one: Held): void {
    const { effect, address, blueprint } = one
    const input = effect.input as { params: unknown; event: AnyEvent; context: unknown }
    const work = {
      call: blueprint.action(effect.name),
      address,
      input,
      send: (event: AnyEvent) => postEvent(one, event),
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
    const {
      attempts = 1,
      backoffMs = 1000,
      backoffMaxMs = 60_000,
    } = effectPolicyOf(one.blueprint.options, one.effect.name)
    const { effect, address } = one
    const now = clock.now()
    const pause = Math.min(backoffMs * 2 ** (effect.attempt - 1), backoffMaxMs)
    const inTime = effect.deadline === undefined || now + pause < effect.deadline
    if (effect.attempt >= attempts || !inTime) {
      if (effect.attempt > 1 && error instanceof Error && Object.isExtensible(error))
        Object.assign(error, { attempts: effect.attempt })
      return finish(one, { is: 'error', error })
    }
    one.run?.stop()
    release(one)
    one.run = undefined
    one.effect = { ...effect, attempt: effect.attempt + 1, notBefore: now + pause, lastError: plainErrorOf(error) }
    trace({
      is: 'effect.retry',
      address,
      effect: effect.id,
      name: effect.name,
      attempt: one.effect.attempt,
      fault: storedFaultOf(error),
    })
    hooks.attempted(address, effect.id, one.effect.attempt, one.effect.notBefore, one.effect.lastError)
    one.alarms.push(clock.at(one.effect.notBefore, () => enqueue(one)))
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
    queue(one, { is: 'effect', effect: one.effect.id, result }, undefined)
  }

  /** Numbered by its effect, so that neither a resend nor a second run makes a second event of it. */
  function postEvent(one: Held, event: AnyEvent): void {
    queue(one, { is: 'event', event }, String(++one.sent))
  }

  function queue(one: Held, content: Envelope['content'], id: string | undefined): void {
    delivering++
    one.posting = one.posting
      .then(() => post({ ...one, content, id }))
      .finally(() => {
        delivering--
        wakeWaiters()
      })
  }

  /** The process that ran it ended: whether it had its effect is unknown. */
  async function resume(one: Held): Promise<void> {
    const { unknown = 'again' } = effectPolicyOf(one.blueprint.options, one.effect.name)
    if (one.effect.is === 'action' || unknown === 'again') {
      one.effect = { ...one.effect, attempt: one.effect.attempt + 1 }
      one.alarms.push(clock.at(one.effect.notBefore, () => enqueue(one)))
      return
    }
    if (unknown === 'fail') return finish(one, { is: 'unknown' })
    if (unknown === 'ask') undecided.add(one.effect.id)
    if (unknown === 'ask')
      return trace({ is: 'effect.waits', address: one.address, effect: one.effect.id, name: one.effect.name })
    try {
      const { id, input, attempt } = one.effect
      finish(one, await unknown({ id, input, attempt }))
    } catch (error) {
      finish(one, { is: 'error', error })
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
        sent: 0,
        posting: Promise.resolve(),
      }
      held.set(effect.id, one)
      if (!blueprint.allows(effect.name)) {
        const known = Object.keys(blueprint.options.effects ?? {}).join(', ') || 'none'
        const names = Array.isArray(blueprint.options.effects) ? blueprint.options.effects.join(', ') || 'none' : known
        trace({ is: 'effect.ended', address, effect: effect.id, name: effect.name, outcome: 'refused' })
        over(one)
        return tellResult(one, {
          is: 'error',
          error: new Fault('effect.undeclared', { kind: blueprint.kind, value: effect.name, known: names }),
        })
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
      for (const one of [...held.values()]) {
        if (one.partition !== partition) continue
        one.run?.stop()
        over(one)
      }
    },
    async drain(until) {
      if (!isAtWork()) return
      await new Promise<void>((resolve) => {
        const alarm = clock.at(until, resolve)
        waiters.push(() => {
          alarm.cancel()
          resolve()
        })
      })
    },
  }
}
