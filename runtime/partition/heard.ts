/**
 * How far emitted events have been heard by all who subscribed, as their stored states say. It
 * bounds trimming: a subscriber whose node was away must find what was emitted meanwhile. One
 * for whom nothing that matches is left holds nobody back.
 */
import { stateOfArray } from '#protocol/state.ts'
import type { Store } from '#store/store.ts'
import type { Bus } from '#runtime/bus.ts'

export async function heardThrough(
  { bus, store }: { readonly bus: Bus; readonly store: Store },
  partitions: readonly number[],
): Promise<number> {
  const last = new Map<string, number>()
  let bound = Number.POSITIVE_INFINITY
  for (const partition of partitions) {
    for (const [address, needs] of store.needs(partition)) {
      const array = needs.subscribed === true ? store.read(address) : undefined
      if (array === undefined) continue
      for (const { pattern, from } of stateOfArray(array).book.subscriptions ?? []) {
        if (!last.has(pattern)) last.set(pattern, (await bus.lastMatching(`${bus.realm.name}.ev.${pattern}`)) ?? 0)
        if ((last.get(pattern) ?? 0) > from) bound = Math.min(bound, from)
      }
    }
  }
  return bound
}
