/**
 * The tags of a stored state, read off the shape of its definition: for lists of many actors,
 * where making each of them ready to step would cost too much. It serves those who look on.
 */
import { type Address, kindOf } from '#protocol/address.ts'
import type { ActorState } from '#protocol/state.ts'
import type { Blueprint } from './blueprint.ts'
import { blueprintFor } from './live.ts'
import type { StateShape } from './shape.ts'

/** Nothing when the definition at hand does not know such an actor. */
export function tagsOfState(
  kinds: ReadonlyMap<string, Blueprint>,
  address: Address,
  { snapshot, book }: ActorState,
): readonly string[] | undefined {
  const root = kinds.get(kindOf(address))
  if (root === undefined) return undefined
  try {
    const { shape } = blueprintFor(root, book)
    return shape.root === undefined ? [] : [...new Set(tagsWithin(shape.root, snapshot.value))]
  } catch {
    // A child whose logic the machine no longer names.
    return undefined
  }
}

function tagsWithin(state: StateShape, value: unknown): readonly string[] {
  const below = typeof value === 'string' ? [[value, undefined] as const] : Object.entries(value ?? {})
  return [
    ...state.tags,
    ...below.flatMap(([key, rest]) => {
      const child = Object.hasOwn(state.states, key) ? state.states[key] : undefined
      return child === undefined ? [] : tagsWithin(child, rest)
    }),
  ]
}
