/**
 * The partitions of a cut as bases of the new generation, from which its nodes begin. It serves "load
 * slices". Invariant: a partition has one base, and it is put once it is all there.
 */
import type { ClientMark, FoldedPartition } from '#protocol/folded.ts'
import type { StoreIdentity } from '#store/store.ts'
import type { Bus } from '#runtime/bus.ts'
import { inOrder } from '#runtime/cuts/reading/in-order.ts'
import type { CutView } from '#runtime/cuts/reading/open-cut.ts'
import type { OnProgress } from './restore.ts'
import type { Share, Shares } from './shares.ts'

export type BaseHeader = {
  readonly identity: StoreIdentity
  readonly partition: FoldedPartition
  readonly clients: readonly ClientMark[]
}

export type Filling = { readonly view: CutView; readonly shares: Shares; readonly shiftMs: number }

/** Partitions that are put together at the same time. */
const atOnce = 3

export async function putBases(
  bus: Bus,
  { view, shares, make }: Filling & { readonly make: (header: BaseHeader, share: Share) => Promise<Uint8Array> },
  onProgress: OnProgress,
): Promise<void> {
  const { realm } = bus
  const { createdAt } = await bus.logState()
  const identity = { realm: realm.name, generation: realm.generation, partitions: realm.partitions, log: createdAt }
  let done = 0

  async function put(share: Share): Promise<void> {
    const clients = await clientsOf(view, share.from)
    const base = await make({ identity, partition: share.position, clients }, share)
    await bus.blobs.put(`base.${share.partition}.${share.position.n}`, base)
    onProgress({ is: 'states', done: ++done, of: realm.partitions })
  }

  // Packing, sending and storing take turns; each of them holds a whole partition in memory.
  await inOrder(shares.all, put, atOnce)
}

/** A session may have sent to any of them: the highest number counts. */
async function clientsOf(view: CutView, from: readonly number[]): Promise<ClientMark[]> {
  const marks = new Map<string, ClientMark>()
  for (const partition of from)
    for await (const mark of view.clients(partition))
      if (mark[1] > (marks.get(mark[0])?.[1] ?? -1)) marks.set(mark[0], mark)
  return [...marks.values()]
}
