/**
 * Tries, on what is stored, the steps down that an undo would take, and changes nothing. It serves
 * the clause "its new state". Invariant: what passes here is what the undo does with that state; a
 * state that is set aside stays as it is, and counts for nothing.
 */
import type { Address } from '#protocol/address.ts'
import type { Query, Rehearsed } from '#protocol/query.ts'
import { type ActorState, stateOfArray } from '#protocol/state.ts'
import type { Store } from '#store/store.ts'
import type { Blueprint } from '#runtime/core/blueprint.ts'
import { blueprintFor } from '#runtime/core/live.ts'
import { migrate } from '#runtime/core/migrate.ts'
import { isAbove, steppedDown } from '#runtime/core/step-down.ts'

type World = { readonly store: Pick<Store, 'addresses' | 'read'>; readonly kinds: ReadonlyMap<string, Blueprint> }

type Asked = Extract<Query, { is: 'rehearse' }>

/** States that are tried without a pause: whoever asks goes on behind the last. */
const sliceStates = 64

export function rehearse({ store, kinds }: World, partition: number, { kind, to, after }: Asked): Rehearsed {
  const root = kinds.get(kind)
  const failed: [Address, string][] = []
  const range = { partition, kind, limit: sliceStates, ...(after === undefined ? {} : { after }) }
  const addresses = [...store.addresses(range)]
  for (const address of addresses) {
    const array = store.read(address)
    const reason = array === undefined ? undefined : problemOf(root, stateOfArray(array), to)
    if (reason !== undefined) failed.push([address, reason])
  }
  return { tried: addresses.length, failed, last: addresses.at(-1) }
}

function problemOf(root: Blueprint | undefined, state: ActorState, to: number): string | undefined {
  if (!isAbove(state, to)) return undefined
  if (root === undefined) return 'the owner of its partition does not carry its kind'
  const blueprint = blueprintFor(root, state.book)
  let present: ActorState
  try {
    present = migrate(blueprint, state)
  } catch {
    return undefined
  }
  try {
    steppedDown(blueprint, present, to)
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}
