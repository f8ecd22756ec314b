/** What effects ask of the partitions that this node owns, and of who else is there. */
import type { Address } from '#protocol/address.ts'
import type { Heartbeat } from '#protocol/heartbeat.ts'
import type { Arrival } from '#runtime/core/arrival.ts'
import type { Blueprint } from '#runtime/core/blueprint.ts'
import { noNames } from './effect-system.ts'
import type { EffectHooks } from './effects.ts'
import type { Partition } from '#runtime/partition/partition.ts'

type World = {
  readonly kinds: ReadonlyMap<string, Blueprint>
  /** Nothing when another node owns its partition. */
  readonly owner: (address: Address) => Partition | undefined
  readonly arrive: (arrival: Extract<Arrival, { address: unknown }>) => void
  readonly share: () => { readonly self: () => Heartbeat; readonly others: () => readonly Heartbeat[] }
}

export function effectHooksOf({ kinds, owner, arrive, share }: World): EffectHooks {
  return {
    settled: (address, effect) => arrive({ by: 'settled', address, effect }),
    attempted: (address, { id: effect, attempt, begun, notBefore, lastError: error }) =>
      arrive({ by: 'attempted', address, effect, attempt, begun, notBefore, error }),
    namesOf: (address) => owner(address)?.namesOf(address) ?? noNames,
    standingOf: (address, effect) => owner(address)?.standingOf(address, effect),
    kindOf: (kind) => kinds.get(kind),
    members: () => ({
      // Made anew each time that it is asked for, and most only want to know the others.
      get self() {
        return share().self()
      },
      get others() {
        return share().others()
      },
    }),
  }
}
