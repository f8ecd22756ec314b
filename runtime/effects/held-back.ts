/**
 * Effects of a fork that do not run: each is answered with what the parent's run told, or stays
 * pending. It serves the clause "effects run after the commit and answer as envelopes", where the
 * world must not notice. Invariant: what is held back has no run and gets none; its answer takes the
 * way of every answer, through the log, and counts only while the effect is pending.
 */
import type { Address } from '#protocol/address.ts'
import { storedFaultOf } from '#protocol/fault.ts'
import type { Book } from '#protocol/state.ts'
import type { Firewall, Recorded, Told } from '#runtime/forks/firewall.ts'
import type { Clock } from '#runtime/clock.ts'
import { trace } from '#runtime/trace.ts'
import { turnsOf } from '#runtime/turns.ts'
import type { EffectHooks } from './effects.ts'
import type { Held, HeldEffects } from './held-effect.ts'
import type { Runs } from './run-here.ts'
import { watchedEffects } from './watched-effects.ts'

export type HeldBack = {
  /** Whether the world must not notice it. */
  has(one: Pick<Held, 'address' | 'effect'>): boolean
  begin(one: Held): void
  settle(address: Address, pending: Book['effects']): void
}

type World = {
  readonly clock: Clock
  readonly firewall: Firewall | undefined
  readonly hooks: Pick<EffectHooks, 'settled'>
  readonly held: Pick<HeldEffects, 'over'>
  readonly runs: Pick<Runs, 'finish' | 'tell'>
}

/** Looked up at once: each reads a part of the parent's log. */
const atOnce = 4
/** The parent's run may still go on: it is looked again, less and less often. */
const againMs = 1000
const againMostMs = 300_000

export function heldBackOf({ clock, firewall, hooks, held, runs }: World): HeldBack {
  const watched = watchedEffects()
  const turns = turnsOf(atOnce)
  /** How much of it was told here already, and when it is looked again. */
  const seen = new WeakMap<Held, { told: number; pauseMs: number }>()

  function begin(one: Held): void {
    watched.add(one)
    one.reason = 'this is a fork; it is looked up what became of it before'
    again(one)
  }

  async function look(one: Held): Promise<void> {
    if (one.over) return
    const { address, effect } = one
    try {
      const recorded = await (firewall as Firewall).answer(address, effect)
      if (!one.over && one.isOwn) answer(one, recorded)
    } catch (error) {
      const reason = `this is a fork, and it was not found out what became of it: ${storedFaultOf(error).message}`
      if (!one.over) answer(one, { told: [], end: undefined, reason })
    }
  }

  function answer(one: Held, { told, end, reason }: Recorded): void {
    const { address, effect } = one
    const { id, name } = effect
    const before = seen.get(one) ?? { told: 0, pauseMs: againMs / 2 }
    const fresh = told.slice(before.told)
    if (fresh.length > 0 || end !== undefined)
      trace({ is: 'effect.answered', address, effect: id, name, told: fresh.length, isEnded: end !== undefined })
    for (const each of fresh) tell(one, each)
    if (end === 'settled') {
      trace({ is: 'effect.ended', address, effect: id, name, outcome: 'done' })
      watched.remove(one)
      held.over(one)
      hooks.settled(address, id)
    }
    if (end !== undefined) return
    wait(one, told.length === 0 ? reason : `answered from the journal so far; ${reason}`)
    const pauseMs = Math.min(before.pauseMs * 2, againMostMs)
    seen.set(one, { told: told.length, pauseMs })
    if (firewall?.fork.effects.is !== 'block') one.alarms.push(clock.at(clock.now() + pauseMs, () => again(one)))
  }

  function again(one: Held): void {
    void turns(() => look(one))
  }

  /** Under the number that it has here, which for what began after the cut is another one. */
  function tell(one: Held, { content, to, id }: Told): void {
    if (content.is !== 'effect') return runs.tell(one, content, { ...(to && { to }), ...(id !== undefined && { id }) })
    const { result } = content
    if ('nth' in result) return runs.tell(one, { is: 'effect', effect: one.effect.id, result }, {})
    watched.remove(one)
    runs.finish(one, result)
  }

  function wait(one: Held, reason: string): void {
    if (one.over) return
    const { address, effect } = one
    const isKnown = one.reason === reason
    one.reason = reason
    if (!isKnown) trace({ is: 'effect.waits', address, effect: effect.id, name: effect.name, for: 'fork', reason })
  }

  return {
    has: ({ address, effect }) => firewall?.passes(address, effect) === false,
    begin,
    settle(address, pending) {
      if (watched.size === 0) return
      for (const one of watched.of(address)) {
        if (!one.over && pending?.[one.effect.id] !== undefined) continue
        watched.remove(one)
        if (!one.over && one.isOwn) held.over(one)
      }
    },
  }
}
