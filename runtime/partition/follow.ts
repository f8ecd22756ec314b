/**
 * What follows a commit on this node: "effects run after the commit". Nothing here decides; it
 * does what the step described, and only once that is on the log.
 */
import type { Address } from '#protocol/address.ts'
import type { Change } from '#protocol/record.ts'
import type { Staged } from '#runtime/core/compose.ts'
import type { Effects } from '#runtime/effects/effects.ts'
import type { Residents } from './residents.ts'
import { trace } from '#runtime/trace.ts'

type World = {
  readonly residents: Residents
  readonly effects: Effects
  readonly onMoved: (address: Address, change: Change, settled: boolean) => void
}

export function follow({ residents, effects, onMoved }: World, staged: Staged): void {
  const { address } = staged
  for (const change of staged.changes) {
    const resident = residents.peek(change.address)
    if (resident !== undefined) {
      resident.staged--
      resident.committed = change.is === 'full' ? change.state : undefined
    }
    onMoved(change.address, change, resident?.staged === 0)
  }
  for (const deed of staged.deeds) {
    switch (deed.is) {
      case 'begin': {
        const { live } = residents.get(address)
        // An effect whose state was left before this commit was acknowledged has nothing to begin.
        if (live?.book.effects?.[deed.effect.id] !== undefined)
          effects.begin(address, live.blueprint, deed.effect, true)
        break
      }
      case 'attempt':
        effects.attempt(deed.effect, deed.attempt)
        break
      case 'abort':
        effects.abort(deed.effect, deed.reason)
        break
      case 'tell':
        effects.tell(deed.effect, deed.event)
        break
      case 'log':
        trace({ is: 'actor.log', address, label: deed.label, value: deed.value })
    }
  }
  // Last, so that what the step ended by a deed is told so where it runs.
  for (const change of staged.changes) {
    const resident = residents.peek(change.address)
    if (resident?.staged === 0) effects.settle(change.address, resident.live?.book.effects)
  }
}
