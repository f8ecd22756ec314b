/**
 * The states of a cut as rows of bases. It serves "load slices". Invariant: each actor is in the base
 * of the one partition that it lives in now.
 */
import type { StateRow } from '#protocol/cut.ts'
import { partitionOf } from '#protocol/partition.ts'
import { decodeState, encodeState } from '#protocol/state.ts'
import type { Bus } from '#runtime/bus.ts'
import { shiftState } from '#runtime/core/shift-instants.ts'
import { type BaseHeader, type Filling, putBases } from './put-bases.ts'
import type { OnProgress } from './restore.ts'
import type { Share } from './shares.ts'

/** A partition as a base, from which nodes begin. */
export type BaseOf = (header: BaseHeader, rows: AsyncIterable<StateRow>) => Promise<Uint8Array>

export async function putStates(
  { bus, baseOf }: { readonly bus: Bus; readonly baseOf: BaseOf },
  filling: Filling,
  onProgress: OnProgress,
): Promise<number> {
  const { view, shiftMs } = filling
  const { partitions } = bus.realm
  let actors = 0
  await putBases(bus, { ...filling, make: (header, share) => baseOf(header, rowsOf(share)) }, onProgress)
  return actors

  async function* rowsOf({ partition, from }: Share): AsyncGenerator<StateRow> {
    for (const one of from)
      for await (const row of view.states(one)) {
        if (partitionOf(row[0], partitions) !== partition) continue
        actors++
        yield shiftMs === 0 ? row : shifted(row, shiftMs)
      }
  }
}

/** What a row says of the next instant is a lower bound, and a schedule does not move. */
function shifted([address, bytes, due = null, flags = 0]: StateRow, ms: number): StateRow {
  if (bytes === null) return [address, bytes]
  const state = decodeState(bytes)
  const isMoved = due !== null && state.book.cron === undefined
  return [address, encodeState(shiftState(state, ms)), isMoved ? due + ms : due, flags]
}
