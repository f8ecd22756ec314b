/** A stored state as XState's snapshot, for those who look on: `matches`, `hasTag`, `can` work. */
import { type Address, kindOf } from '#protocol/address.ts'
import { Ref } from '#protocol/codec.ts'
import type { ActorState } from '#protocol/state.ts'
import type { Blueprint } from './blueprint.ts'
import { blueprintFor, refOfChild } from './live.ts'
import { hydrate } from './machine.ts'

export function snapshotOfState(root: Blueprint | undefined, address: Address, state: ActorState): unknown {
  const { snapshot, book } = state
  if (root === undefined || root.kind !== kindOf(address) || snapshot.value === null) return snapshot
  const children = Object.fromEntries(
    Object.entries(book.children ?? {}).map(([id, child]) => [id, refOfChild(address, id, child)]),
  )
  try {
    return hydrate(blueprintFor(root, book), snapshot, {
      self: new Ref(address),
      parent: undefined,
      lookup: () => undefined,
      registered: () => ({}),
      nextSpawn: 0,
      children,
      decisions: false,
    })
  } catch {
    // Written by another definition than the one that looks: plain data is still worth seeing.
    return snapshot
  }
}
