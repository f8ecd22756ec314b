/**
 * A new owner asks the others which of its pending effects they run: one that was bound by label,
 * or began at the owner before. It serves the clause "effects run after the commit". Invariant:
 * nobody is asked for longer than a node that stands still is waited for, so that one that is
 * slow holds up no recovery.
 */
import type { NodeLife, RunState } from '#protocol/errand.ts'
import type { Clock } from '#runtime/clock.ts'
import type { EffectHooks } from './effects.ts'
import type { Errands } from './errands.ts'
import type { Held } from './held-effect.ts'

export type Found = { readonly at: NodeLife; readonly run: RunState }

type World = {
  readonly clock: Clock
  readonly hooks: EffectHooks
  readonly errands: Errands
  /** Where it runs; more than one when an owner gave one of them up and was wrong. */
  readonly onFound: (one: Held, found: readonly Found[]) => void
}

/** So many in one errand. */
const idsMost = 1000

/** Those that are looked for in one turn are asked for together. */
export function finderOf(world: World, options: { readonly waitMs: number }): (one: Held) => void {
  const { clock, hooks, errands } = world
  let sought: Held[] = []

  async function askFor(ones: readonly Held[]): Promise<void> {
    const { others } = hooks.members()
    const until = clock.now() + options.waitMs
    const ids = ones.map(({ effect }) => effect.id)
    const found = await Promise.all(others.map(({ name, life }) => askOne({ node: name, life }, ids, until)))
    for (const [index, one] of ones.entries()) {
      const id = ids[index] as string
      world.onFound(
        one,
        found
          .flatMap(({ at, runs }) => (runs[id] === undefined ? [] : [{ at, run: runs[id] }]))
          .toSorted((a, b) => rankOf(b) - rankOf(a)),
      )
    }
  }

  async function askOne(
    at: NodeLife,
    ids: readonly string[],
    until: number,
  ): Promise<{ readonly at: NodeLife; readonly runs: Readonly<Record<string, RunState>> }> {
    const runs: Record<string, RunState> = {}
    for (let from = 0; from < ids.length; from += idsMost) {
      const errand = { is: 'find', ids: ids.slice(from, from + idsMost) } as const
      const reply = await errands.insist(at, errand, { isWanted: () => clock.now() < until })
      if (reply?.is === 'found') Object.assign(runs, reply.runs)
      if (reply === undefined) break
    }
    return { at, runs }
  }

  return (one) => {
    sought.push(one)
    if (sought.length > 1) return
    queueMicrotask(() => {
      const ones = sought
      sought = []
      askFor(ones).catch(() => {
        for (const missed of ones) world.onFound(missed, [])
      })
    })
  }
}

/** What has ended needs no other; of several that run, the latest attempt. */
function rankOf({ run }: Found): number {
  return run.attempt + (run.state === 'ended' ? 2 ** 32 : 0)
}
