/**
 * The states of a cut as bases of the new generation, from which its nodes begin. It serves "load
 * slices". Invariant: each actor is in the base of the one partition that it lives in now.
 */
import type { StateRow } from '#protocol/cut.ts'
import type { ClientMark, FoldedPartition } from '#protocol/folded.ts'
import { partitionOf } from '#protocol/partition.ts'
import { decodeState, encodeState } from '#protocol/state.ts'
import type { StoreIdentity } from '#store/store.ts'
import type { Bus } from '#runtime/bus.ts'
import { shiftState } from '#runtime/core/shift-instants.ts'
import type { CutView } from './open-cut.ts'
import type { OnProgress } from './restore.ts'
import type { Share, Shares } from './shares.ts'

export type BaseHeader = {
  readonly identity: StoreIdentity
  readonly partition: FoldedPartition
  readonly clients: readonly ClientMark[]
}

/** A partition as a base, from which nodes begin. */
export type BaseOf = (header: BaseHeader, rows: AsyncIterable<StateRow>) => Promise<Uint8Array>

export type Filling = { readonly view: CutView; readonly shares: Shares; readonly shiftMs: number }

/** Partitions that are put together at the same time. */
const atOnce = 3

export async function putStates(
  { bus, baseOf }: { readonly bus: Bus; readonly baseOf: BaseOf },
  { view, shares, shiftMs }: Filling,
  onProgress: OnProgress,
): Promise<number> {
  const { realm } = bus
  const { createdAt } = await bus.logState()
  const identity = { realm: realm.name, generation: realm.generation, partitions: realm.partitions, log: createdAt }
  let actors = 0
  let done = 0

  async function put(share: Share): Promise<void> {
    const clients = await clientsOf(view, share.from)
    const base = await baseOf({ identity, partition: share.position, clients }, rowsOf(share))
    await bus.blobs.put(`base.${share.partition}.${share.position.n}`, base)
    onProgress({ is: 'states', done: ++done, of: realm.partitions })
  }

  // Packing, sending and storing take turns; each of them holds a whole partition in memory.
  const waiting = [...shares.all]
  const lanes = Array.from({ length: atOnce }, async () => {
    for (let share = waiting.shift(); share !== undefined; share = waiting.shift()) await put(share)
  })
  await Promise.all(lanes)
  return actors

  async function* rowsOf({ partition, from }: Share): AsyncGenerator<StateRow> {
    for (const one of from)
      for await (const row of view.states(one)) {
        if (partitionOf(row[0], realm.partitions) !== partition) continue
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

/** A session may have sent to any of them: the highest number counts. */
async function clientsOf(view: CutView, from: readonly number[]): Promise<ClientMark[]> {
  const marks = new Map<string, ClientMark>()
  for (const partition of from)
    for await (const mark of view.clients(partition))
      if (mark[1] > (marks.get(mark[0])?.[1] ?? -1)) marks.set(mark[0], mark)
  return [...marks.values()]
}
