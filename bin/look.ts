/** Actors as those who run them want to see them: with their health, and what is parked of them. */
import { isChild } from '#protocol/address.ts'
import { Fault } from '#protocol/fault.ts'
import {
  type Address,
  keyOf,
  kindOf,
  type ParkedEntry,
  parseAddress,
  type RealmHandle,
  type ShownActor,
  systemClock,
} from '#runtime/index.ts'
import { type Health, healthOf } from '#runtime/core/health.ts'

/** As its sender wrote it: `room/the lobby`, where the log says `room/the=20lobby`. Both can be typed. */
export function addressText(address: Address): string {
  return isChild(address) ? address : `${kindOf(address)}/${keyOf(address)}`
}

export function healthOfShown(shown: ShownActor, parked: number): Health {
  const { state, depth, tags, undecided, places, unfit } = shown
  return healthOf({
    state,
    depth,
    isServed: tags !== undefined,
    unfit: unfit ?? state.book.unfit,
    undecided,
    places,
    parked,
    now: systemClock.now(),
  })
}

/** Of the oldest so many: nobody looks at more, and a list must not grow with the damage. */
const countedMost = 10_000

export async function parkedCounts(realm: RealmHandle): Promise<ReadonlyMap<Address, number>> {
  const counts = new Map<Address, number>()
  for (const { address } of await realm.parked.list({ limit: countedMost }))
    counts.set(address, (counts.get(address) ?? 0) + 1)
  return counts
}

export async function showActor(
  realm: RealmHandle,
  text: string,
): Promise<{ readonly shown: ShownActor; readonly parked: readonly ParkedEntry[] }> {
  const address = parseAddress(text)
  const shown = await realm.operate.show(address)
  if (shown === undefined) throw new Fault('actor.unknown', { value: text })
  return { shown, parked: await realm.parked.list({ address }) }
}
