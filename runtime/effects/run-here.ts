/**
 * Runs effects in this process, those of its own actors and those of another's alike: "effects
 * run after the commit and answer as envelopes". Invariants: what it has to say goes to the log
 * and nowhere else, in order; running never holds up stepping.
 */
import type { AnyEvent, EffectResult, Envelope } from '#protocol/envelope.ts'
import { Fault, storedFaultOf } from '#protocol/fault.ts'
import { runAction } from './action-run.ts'
import type { Clock } from '#runtime/clock.ts'
import { afterFailure } from '#runtime/core/attempts.ts'
import { effectPolicyOf } from '#runtime/core/effect-policy.ts'
import type { EffectPost } from './effect-post.ts'
import { runLogic } from './effect-run.ts'
import { type Names, systemFor, type Voice, voiceOf } from './effect-system.ts'
import type { EffectHooks } from './effects.ts'
import type { Ended } from './ended-effects.ts'
import type { Held, HeldEffects } from './held-effect.ts'
import { trace } from '#runtime/trace.ts'

export type Runs = {
  /** It has its place, and its number is on the log. */
  run(one: Held): void
  /** This attempt failed, here or where it was sent. */
  failed(one: Held, error: unknown): void
  finish(one: Held, result: EffectResult): void
  /** What it told elsewhere, told here. */
  tell(one: Held, content: Envelope['content'], by: Pick<EffectPost, 'id' | 'to'>): void
  /** Its end, without a run. */
  say(one: Held, result: EffectResult): void
}

type World = {
  readonly clock: Clock
  readonly held: HeldEffects
  readonly hooks: EffectHooks
  readonly ended: Ended
  readonly check: (one: EffectPost) => void
  readonly post: (one: EffectPost) => Promise<boolean>
  /** The pause before its next attempt is over. */
  readonly again: (one: Held) => void
  /** Its owner is another node, which has to say what follows. */
  readonly onFailed: (one: Held) => void
  /** A second lock behind that of its owner: whatever asks for it, it does not run here. */
  readonly mayRun: (one: Held) => boolean
  /** It is over while it may run elsewhere. */
  readonly onOver: (one: Held) => void
}

export function runsOf(world: World): Runs {
  const { clock, held, hooks, ended, check, post } = world

  function run(one: Held): void {
    const { effect, address, blueprint } = one
    if (!world.mayRun(one)) return finish(one, { is: 'error', error: blockedFault(effect.name) })
    trace({ is: 'effect.begun', address, effect: effect.id, name: effect.name, attempt: effect.attempt })
    if (effect.is === 'action') return act(one)
    const logic = blueprint.child(effect.name)?.logic
    if (logic === undefined)
      return finish(one, { is: 'error', error: new Fault('spawn.unknown', { value: effect.name }) })
    const offset = one.nth
    let isOver = false
    const running = runLogic(
      {
        logic,
        input: effect.input,
        id: effect.child ?? effect.name,
        sync: effect.sync,
        system: systemFor(namesFor(one), voiceFor(one)),
      },
      (result) => {
        if (one.over) return
        isOver = result.is === 'error' || result.is === 'done' || result.is === 'unknown'
        if (result.is === 'error') return failed(one, result.error)
        if (result.is === 'done' || result.is === 'unknown') return finish(one, result)
        one.nth = offset + result.nth
        queue(one, { is: 'effect', effect: effect.id, result: { ...result, nth: one.nth } })
      },
    )
    // It may have ended, or failed for this time, before there was anything to hold on to.
    if (one.over || isOver) return running.stop()
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
      names: namesFor(one),
      voice: voiceFor(one),
      sent: () => one.posting,
    }
    one.run = runAction(work, {
      done() {
        if (one.over) return
        // Its owner notes it without an envelope; another's hears it by one.
        if (!one.isOwn) return finish(one, { is: 'done', output: undefined })
        trace({ is: 'effect.ended', address, effect: effect.id, name: effect.name, outcome: 'done' })
        held.over(one)
        hooks.settled(address, effect.id)
      },
      failed(error) {
        if (!one.over) failed(one, error)
      },
    })
  }

  function failed(one: Held, error: unknown): void {
    const { effect, address } = one
    const { id, name } = effect
    const next = afterFailure(effect, effectPolicyOf(one.blueprint.options, name), { error, now: clock.now() })
    if (next === undefined) {
      if (effect.attempt > 1 && error instanceof Error && Object.isExtensible(error))
        Object.assign(error, { attempts: effect.attempt })
      return finish(one, { is: 'error', error })
    }
    one.run?.stop()
    held.leave(one)
    if (!one.isOwn) {
      one.failure = { error }
      return world.onFailed(one)
    }
    one.effect = next
    trace({ is: 'effect.retry', address, effect: id, name, attempt: next.attempt, fault: storedFaultOf(error) })
    hooks.attempted(address, next)
    one.alarms.push(clock.at(next.notBefore, () => world.again(one)))
  }

  function finish(one: Held, result: EffectResult): void {
    const { effect, address } = one
    const { id, name } = effect
    const outcome = result.is === 'done' ? 'done' : result.is === 'unknown' ? 'unknown' : 'error'
    trace({ is: 'effect.ended', address, effect: id, name, outcome })
    world.onOver(one)
    say(one, result)
  }

  function say(one: Held, result: EffectResult): void {
    const { effect, nth } = one
    const { id, attempt } = effect
    held.over(one)
    ended.add(id, { state: 'ended', attempt, nth })
    queue(one, { is: 'effect', effect: id, result }, { onUnheard: () => ended.remove(id) })
  }

  /** Those of its actor's family as they stand when they are asked for, as long as that can be known. */
  function namesFor(one: Held): Names {
    const names = (): Names => (one.isOwn ? hooks.namesOf(one.address) : one.names)
    return { lookup: (name) => names().lookup(name), registered: () => names().registered() }
  }

  /** Numbered by its run, so that neither a resend nor a second run makes a second event of one. */
  function voiceFor(one: Held): Voice {
    return voiceOf((to, content, id) => {
      check({ ...one, content, id, to: to.address })
      queue(one, content, { id, to: to.address })
    })
  }

  function queue(one: Held, content: Envelope['content'], by: Said = {}): void {
    const { onUnheard, ...rest } = by
    one.posting = held.deliver(
      one.posting.then(async () => {
        if (!(await post({ ...one, ...rest, content }))) onUnheard?.()
      }),
    )
  }

  return { run, failed, finish, say, tell: queue }
}

function blockedFault(value: string): Fault {
  return new Fault('fork.effectBlocked', { value, reason: 'it is not on the list of what may run (--effects allow:…)' })
}

type Said = Pick<EffectPost, 'id' | 'to'> & { readonly onUnheard?: () => void }
