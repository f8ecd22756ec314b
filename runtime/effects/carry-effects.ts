/**
 * Runs effects for the actors of other nodes: what is asked for, told and ended by their owners.
 * It serves the clause "effects run after the commit". Invariants: of one effect there is one run
 * here, however often it is asked for; an owner is told of a failed attempt until it says what
 * follows; what nobody waits for any more ends.
 */
import { kindOf } from '#protocol/address.ts'
import { encode } from '#protocol/codec.ts'
import type { Errand, NodeLife, Reply, RunReport, RunState } from '#protocol/errand.ts'
import { plainErrorOf } from '#protocol/fault.ts'
import { partitionOf } from '#protocol/partition.ts'
import type { Clock } from '#runtime/clock.ts'
import type { Blueprint } from '#runtime/core/blueprint.ts'
import { ownersOf } from '#runtime/core/duties.ts'
import type { EffectHooks } from './effects.ts'
import type { Names } from './effect-system.ts'
import type { Ended } from './ended-effects.ts'
import type { Errands } from './errands.ts'
import type { Held, HeldEffects } from './held-effect.ts'
import type { Sender } from './send-effects.ts'
import { trace } from '#runtime/trace.ts'

export type Carrying = {
  answer(errand: Errand, from: NodeLife): Reply
  /** Its owner hears of it now. */
  report(one: Held): void
  /** Something runs here for another: its owner is asked now and then whether it still wants it. */
  watch(): void
  stop(): void
}

type World = {
  readonly clock: Clock
  readonly partitions: number
  readonly hooks: EffectHooks
  readonly held: HeldEffects
  readonly ended: Ended
  readonly errands: Errands
  readonly sender: Sender
}

/** An owner that could not say that an effect is over (it died) is asked so often. */
const reportEveryMs = 2000

/** So many in one errand. */
const runsMost = 1000

export function carryingOf(world: World): Carrying {
  const { clock, hooks, held, ended, errands, sender } = world
  let alarm: { cancel(): void } | undefined
  let isOver = false

  function answer(errand: Errand, from: NodeLife): Reply {
    switch (errand.is) {
      case 'run':
        return take(errand)
      case 'tell':
        return hearOwner(errand, from)
      case 'abort':
        return end([errand.id])
      case 'find':
        return { is: 'found', runs: runsAmong(errand.ids) }
      case 'report':
        return {
          is: 'unwanted',
          ids: errand.runs.filter((run) => sender.hear(run, from) === 'unwanted').map(({ id }) => id),
        }
    }
  }

  function take(errand: Extract<Errand, { is: 'run' }>): Reply {
    const { effect, address } = errand
    const known = held.all.get(effect.id)
    if (known?.isOwn === true) return { is: 'refused', reason: 'it owns the actor itself' }
    if (known?.failure !== undefined && known.effect.attempt < effect.attempt) held.over(known)
    else if (known !== undefined) {
      // Given up by its owner for a while, it is the attempt that is asked for now.
      if (known.effect.attempt < effect.attempt) known.effect = { ...effect, taken: known.effect.taken }
      return { is: 'known', run: stateOf(known) }
    }
    const before = ended.get(effect.id)
    if (before !== undefined) return { is: 'known', run: before }
    const { phase } = hooks.members().self
    if (isOver || phase !== 'ready') return { is: 'refused', reason: `it is ${phase}` }
    const blueprint = blueprintFor(errand)
    if (typeof blueprint === 'string') return { is: 'refused', reason: blueprint }
    const partition = partitionOf(address, world.partitions)
    const one = held.add({ address, partition, blueprint, effect, isOwn: false, names: namesOf(errand) })
    held.enter(one)
    watch()
    return { is: 'accepted', isQueued: one.at.is === 'line' }
  }

  function blueprintFor({ address, effect, version, path }: Extract<Errand, { is: 'run' }>): Blueprint | string {
    const kind = kindOf(address)
    const root = hooks.kindOf(kind)
    if (root?.version !== version) return `it does not serve ${kind} version ${version}`
    try {
      const blueprint = root.resolve(path)
      const has = effect.is === 'action' ? blueprint.action(effect.name) : blueprint.child(effect.name)
      return has === undefined ? `its ${kind} has no "${effect.name}"` : blueprint
    } catch (error) {
      return plainErrorOf(error).message
    }
  }

  function hearOwner({ id, nth, event }: Extract<Errand, { is: 'tell' }>, { life }: NodeLife): Reply {
    const one = held.all.get(id)
    if (one === undefined || one.isOwn) return { is: 'done' }
    const before = one.heard.life === life ? one.heard.nth : 0
    if (nth <= before) return { is: 'done' }
    one.heard = { life, nth }
    if (one.run === undefined) one.told.push(event)
    else one.run.tell(event)
    return { is: 'done' }
  }

  function runsAmong(ids: readonly string[]): Record<string, RunState> {
    const found: Record<string, RunState> = {}
    for (const id of ids) {
      const one = held.all.get(id)
      const run = one === undefined ? ended.get(id) : one.isOwn ? undefined : stateOf(one)
      if (run !== undefined) found[id] = run
    }
    return found
  }

  function end(ids: readonly string[]): Reply {
    for (const id of ids) {
      const one = held.all.get(id)
      if (one === undefined || one.isOwn) continue
      trace({ is: 'effect.ended', address: one.address, effect: id, name: one.effect.name, outcome: 'aborted' })
      held.over(one)
    }
    return { is: 'done' }
  }

  function carried(): Held[] {
    return [...held.all.values()].filter(({ isOwn }) => !isOwn)
  }

  function watch(): void {
    if (isOver) return
    alarm ??= clock.at(clock.now() + reportEveryMs, () => {
      alarm = undefined
      const ones = carried()
      if (ones.length === 0) return
      tellOwners(ones)
      watch()
    })
  }

  /** Those without an owner now are told of at the next turn. */
  function tellOwners(ones: readonly Held[]): void {
    const { self, others } = hooks.members()
    const owners = ownersOf([self, ...others])
    for (const owner of [self, ...others]) {
      const theirs = ones.filter(({ partition }) => owners.get(partition) === owner.name)
      for (let from = 0; from < theirs.length; from += runsMost)
        tellOwner({ node: owner.name, life: owner.life }, theirs.slice(from, from + runsMost)).catch(() => undefined)
    }
  }

  async function tellOwner(to: NodeLife, ones: readonly Held[]): Promise<void> {
    const runs = ones.map((one): RunReport => ({ ...stateOf(one), id: one.effect.id, address: one.address }))
    const { self } = hooks.members()
    const errand = { is: 'report', runs } as const
    const reply =
      to.life === self.life
        ? answer(errand, { node: self.name, life: self.life })
        : await errands.insist(to, errand, { isWanted: () => !isOver && ones.some(({ over }) => !over) })
    if (reply?.is === 'unwanted') end(reply.ids)
  }

  return {
    answer,
    report: (one) => tellOwners([one]),
    watch,
    stop() {
      isOver = true
      alarm?.cancel()
    },
  }
}

function stateOf({ effect: { attempt }, nth, failure }: Held): RunState {
  if (failure === undefined) return { state: 'running', attempt, nth }
  return { state: 'failed', attempt, nth, error: sendable(failure.error) }
}

/** What was thrown, or its words when it cannot be written. */
function sendable(error: unknown): unknown {
  try {
    encode(error)
    return error
  } catch {
    const { message, ...rest } = plainErrorOf(error)
    return Object.assign(new Error(message), rest)
  }
}

function namesOf({ names }: Extract<Errand, { is: 'run' }>): Names {
  return { lookup: (name) => names[name], registered: () => names }
}
