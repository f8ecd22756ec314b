/** Rows of states as cuts and bases have them. They serve the clause "LMDB follows the log". */
import type { Address } from '#protocol/address.ts'
import type { StateRow } from '#protocol/cut.ts'
import type { Needs } from './store.ts'

export function needsOfRow([, , due = null, flags = 0]: StateRow): Needs {
  return {
    ...(due === null ? {} : { due }),
    ...(flags & 1 ? { effects: true } : {}),
    ...(flags & 2 ? { subscribed: true } : {}),
  }
}

export function flagsOf({ effects, subscribed }: Needs): number {
  return (effects === true ? 1 : 0) | (subscribed === true ? 2 : 0)
}

/** Without a state it is gone. */
export function stateRowOf(address: Address, state: Uint8Array | undefined, needs: Needs): StateRow {
  const { due } = needs
  const flags = flagsOf(needs)
  if (flags !== 0) return [address, state ?? null, due ?? null, flags]
  return due === undefined ? [address, state ?? null] : [address, state ?? null, due]
}

/** Where an address stands among rows in their order, or would. */
export function placeIn(rows: readonly StateRow[], address: Address): number {
  let low = 0
  let high = rows.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((rows[middle] as StateRow)[0] < address) low = middle + 1
    else high = middle
  }
  return low
}
