/**
 * Effects of this node's actors that run elsewhere or nowhere: those whose end or whose place is
 * not learnt from running them. Found by their actor, because that is asked after every commit.
 */
import type { Address } from '#protocol/address.ts'
import type { Held } from './held-effect.ts'

export type WatchedEffects = {
  readonly size: number
  add(one: Held): void
  remove(one: Held): void
  of(address: Address): readonly Held[]
  all(): readonly Held[]
}

export function watchedEffects(): WatchedEffects {
  const byActor = new Map<Address, Set<Held>>()
  return {
    get size() {
      return byActor.size
    },
    add(one) {
      const known = byActor.get(one.address)
      if (known === undefined) byActor.set(one.address, new Set([one]))
      else known.add(one)
    },
    remove(one) {
      const known = byActor.get(one.address)
      known?.delete(one)
      if (known?.size === 0) byActor.delete(one.address)
    },
    of: (address) => [...(byActor.get(address) ?? [])],
    all: () => [...byActor.values()].flatMap((ones) => [...ones]),
  }
}
