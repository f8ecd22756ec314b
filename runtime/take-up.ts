/**
 * What a new owner takes up from the state: timers, effects that were pending, subscriptions,
 * outboxes, and the actors that a schedule keeps alive. Nobody has to remember anything for it.
 */
import { type Address, addressOf, kindOf } from '#protocol/address.ts'
import { partitionOf } from '#protocol/partition.ts'
import type { Store } from '#store/store.ts'
import type { Arrival } from './core/arrival.ts'
import type { Effects } from './effects.ts'
import type { Kinds, Resident, Residents } from './residents.ts'

type World = {
  readonly store: Store
  readonly kinds: Kinds
  readonly residents: Residents
  readonly effects: Effects
  readonly arm: (due: number, address: Address) => void
  readonly arrive: (arrival: Arrival) => void
  readonly onSubscribed: (resident: Resident) => void
}

/**
 * Each owner's run of a stream numbers its events from a place of its own: some of the run before
 * may still be on the log, and one of this run must not be taken for a copy of one of those.
 */
const runEvents = 2 ** 24

export function takeUp(
  { store, kinds, residents, effects, arm, arrive, onSubscribed }: World,
  partition: number,
  epoch: number,
): void {
  for (const [address, need] of store.needs(partition)) {
    if (need.due !== undefined) arm(need.due, address)
    // Only these are loaded now; an actor that merely waits for an instant sleeps until then.
    if ((need.effects !== true && need.subscribed !== true) || !kinds.has(kindOf(address))) continue
    const resident = residents.get(address)
    const { live } = resident
    if (live === undefined || live.book.unfit !== undefined) continue
    onSubscribed(resident)
    if (live.book.outbox !== undefined) arrive({ by: 'drain', address })
    for (const effect of Object.values(live.book.effects ?? {}))
      effects.begin(address, live.blueprint, { ...effect, taken: Math.max(effect.taken, epoch * runEvents) }, false)
  }
  for (const [kind, { options }] of kinds) {
    if (options.cron === undefined) continue
    const address = addressOf(kind, options.cron.key ?? 'main')
    if (partitionOf(address, store.identity.partitions) === partition) arrive({ by: 'start', address })
  }
}
