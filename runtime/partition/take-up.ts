/**
 * What a new owner takes up from the state: timers, effects that were pending, subscriptions,
 * outboxes, and the actors that a schedule keeps alive. Nobody has to remember anything for it.
 * The same for the actors of one kind that begins to be served later. Invariants: an effect that
 * this owner's own steps asked for begins with their commit, never from here; however many they
 * are, they are taken up in slices, so that nothing else of the node waits for it.
 */
import { type Address, addressOf, kindOf } from '#protocol/address.ts'
import { partitionOf } from '#protocol/partition.ts'
import { stateOfArray } from '#protocol/state.ts'
import type { Needs, Store } from '#store/store.ts'
import type { Arrival } from '#runtime/core/arrival.ts'
import type { Blueprint } from '#runtime/core/blueprint.ts'
import { needsOfState } from '#runtime/core/needs.ts'
import type { Effects } from '#runtime/effects/effects.ts'
import { loopTurn } from './loop-turn.ts'
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

type Owner = {
  readonly partition: number
  readonly epoch: number
  /** With what the ids of this owner's own effects begin. */
  readonly ownIds: string
}

/**
 * Each owner's run of a stream numbers its events from a place of its own: some of the run before
 * may still be on the log, and one of this run must not be taken for a copy of one of those.
 */
const runEvents = 2 ** 24

/** So many stored actors are loaded without a pause. */
const sliceActors = 64
/** Of those of which only an instant is noted, so many count as one that is loaded. */
const notedPerLoaded = 8

/** Before anything is stepped: whoever calls it opens the partition afterwards. */
export async function takeUp(world: World, owner: Owner, isClosed: () => boolean): Promise<void> {
  let left = 0
  for (const [address, need] of world.store.needs(owner.partition)) {
    if (left <= 0) {
      await loopTurn()
      if (isClosed()) return
      left = sliceActors * notedPerLoaded
    }
    left -= takeUpOne(world, owner, address, need) ? notedPerLoaded : 1
  }
  for (const blueprint of world.kinds.values()) startCron(world, owner, blueprint)
}

/** A kind that was not served until now; stepping goes on meanwhile. */
export async function takeUpKind(world: World, owner: Owner, kind: string, isClosed: () => boolean): Promise<void> {
  const blueprint = world.kinds.get(kind)
  if (blueprint === undefined) return
  startCron(world, owner, blueprint)
  for (const slice of needsOfKind(world.store, owner.partition, blueprint)) {
    for (const [address, need] of slice) takeUpOne(world, owner, address, need)
    await loopTurn()
    if (isClosed()) return
  }
}

/** What is due by the options of a kind may not stand in the store: who folded it did not know them. */
function* needsOfKind(
  store: Store,
  partition: number,
  { kind, options }: Blueprint,
): Generator<readonly (readonly [Address, Needs])[]> {
  if (options.ttlMs === undefined && options.cron === undefined) {
    const needy = [...store.needs(partition)].filter(([address]) => kindOf(address) === kind)
    for (let at = 0; at < needy.length; at += sliceActors) yield needy.slice(at, at + sliceActors)
    return
  }
  for (let after: Address | undefined; ;) {
    const range = { partition, kind, limit: sliceActors }
    const addresses = [...store.addresses(after === undefined ? range : { ...range, after })]
    after = addresses.at(-1)
    if (after === undefined) return
    yield addresses.flatMap((address) => {
      const array = store.read(address)
      return array === undefined ? [] : [[address, needsOfState(stateOfArray(array), options)] as const]
    })
  }
}

/** Whether it was loaded. */
function takeUpOne(
  { kinds, residents, effects, arm, arrive, onSubscribed }: World,
  { epoch, ownIds }: Owner,
  address: Address,
  need: Needs,
): boolean {
  if (need.due !== undefined) arm(need.due, address)
  // Only these are loaded now; an actor that merely waits for an instant sleeps until then.
  if ((need.effects !== true && need.subscribed !== true) || !kinds.has(kindOf(address))) return false
  const resident = residents.get(address)
  const { live } = resident
  if (live === undefined || live.book.unfit !== undefined) return true
  onSubscribed(resident)
  if (live.book.outbox !== undefined) arrive({ by: 'drain', address })
  if (live.isAdapted === true && live.book.deferred !== undefined) arrive({ by: 'adapted', address })
  for (const effect of Object.values(live.book.effects ?? {})) {
    if (effect.id.startsWith(ownIds)) continue
    effects.begin(address, live.blueprint, { ...effect, taken: Math.max(effect.taken, epoch * runEvents) }, false)
  }
  return true
}

function startCron({ store, arrive }: World, { partition }: Owner, { kind, options }: Blueprint): void {
  if (options.cron === undefined) return
  const address = addressOf(kind, options.cron.key ?? 'main')
  if (partitionOf(address, store.identity.partitions) === partition) arrive({ by: 'start', address })
}
