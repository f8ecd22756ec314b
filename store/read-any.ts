/** One actor's state, whether it is a row or still lies under them. It serves the clause "LMDB follows the log". */
import type { Address } from '#protocol/address.ts'
import { decode } from '#protocol/codec.ts'
import { readState } from './actor-rows.ts'
import { damaged } from './sealed.ts'
import type { Tables, View } from './tables.ts'
import { readUnder } from './underlay.ts'

/** In one view: between two, what was not a row yet may have become one. */
export function readAny(tables: Tables, partition: number, address: Address, view: View): unknown[] | undefined {
  const state = readState(tables, partition, address, view)
  if (state !== undefined) return state
  const under = readUnder(tables, partition, address, view)?.[1]
  if (under === undefined || under === null) return undefined
  try {
    return decode(under) as unknown[]
  } catch (cause) {
    throw damaged(`the state of ${address}`, cause)
  }
}
