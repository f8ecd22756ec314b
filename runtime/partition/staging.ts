/**
 * Steps that wait for their commit, in order. Invariant: an actor with a step here stays in
 * memory, because what the store and the log say of it is older.
 */
import type { Address } from '#protocol/address.ts'
import type { Needs } from '#store/store.ts'
import type { Staged } from '#runtime/core/compose.ts'
import type { Residents } from './residents.ts'

export type Staging = {
  readonly length: number
  readonly steps: readonly Staged[]
  push(steps: readonly Staged[]): void
  /** A cut, ahead of all others: what was stepped and not committed is in flight, as if it were not stepped yet. */
  first(step: Staged | undefined): void
  /** The first ones, and why their actors must not be forgotten while they are idle. */
  take(count: number): { readonly taken: readonly Staged[]; readonly needs: ReadonlyMap<Address, Needs> }
  clear(): void
}

export function stagingOf(residents: Residents): Staging {
  let steps: Staged[] = []
  return {
    get length() {
      return steps.length
    },
    get steps() {
      return steps
    },
    push(more) {
      for (const one of more) {
        steps.push(one)
        for (const { address } of one.changes) {
          const resident = residents.peek(address)
          if (resident !== undefined) resident.staged++
        }
      }
    },
    first(step) {
      if (step !== undefined) steps = [step, ...steps]
    },
    take(count) {
      const taken = steps.slice(0, count)
      steps = steps.slice(count)
      const needs = new Map<Address, Needs>()
      for (const one of taken) one.changes.forEach(({ address }, index) => needs.set(address, one.needs[index] ?? {}))
      return { taken, needs }
    },
    clear() {
      steps = []
    },
  }
}
