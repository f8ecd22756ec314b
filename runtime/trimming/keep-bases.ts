/**
 * Uploads a base of a partition now and then, so that a node that never followed it need not read
 * the whole log. Invariant: what is uploaded stays in proportion to what was committed, because a
 * base is made anew only after more commits than its own size; one at a time, beside the stepping.
 */
import { storedFaultOf } from '#protocol/fault.ts'
import type { FoldedPartition } from '#protocol/folded.ts'
import type { Store } from '#store/store.ts'
import { newestBases, uploadBase } from './bases.ts'
import type { Bus } from '#runtime/bus.ts'
import type { Clock } from '#runtime/clock.ts'
import type { Folder } from '#runtime/partition/folder.ts'
import { trace } from '#runtime/trace.ts'

export type KeepBasesOptions = { readonly baseEveryBytes: number }

type World = {
  readonly bus: Bus
  readonly store: Store
  readonly clock: Clock
  readonly folder: Pick<Folder, 'written' | 'onFolded'>
  readonly isOwned: (partition: number) => boolean
}

/** `from`: what had been written when it was made; `bytes`: its size. */
type Kept = { from: number; bytes: number; notBefore: number }

const retryMs = 30_000

export function keepBases({ bus, store, clock, folder, isOwned }: World, options: KeepBasesOptions): { stop(): void } {
  const kept = new Map<number, Kept>()
  let isBusy = false
  let isOver = false

  /** What others committed before this node owned it counts too, as far as the log tells. */
  async function meet(partitions: readonly FoldedPartition[]): Promise<void> {
    const [bases, { bytes, entries }] = await Promise.all([newestBases(bus), bus.logState()])
    for (const { partition, n } of partitions) {
      const before = ((n - (bases.get(partition)?.n ?? 0)) * bytes) / Math.max(1, entries)
      kept.set(partition, { from: folder.written(partition) - before, bytes: 0, notBefore: 0 })
    }
  }

  function isDue({ partition }: FoldedPartition): boolean {
    const one = kept.get(partition)
    if (one === undefined || one.notBefore > clock.now()) return false
    return folder.written(partition) - one.from >= Math.max(options.baseEveryBytes, one.bytes)
  }

  async function upload(partition: number): Promise<void> {
    const from = folder.written(partition)
    try {
      const { bytes } = await uploadBase({ bus, store }, partition)
      kept.set(partition, { from, bytes, notBefore: 0 })
    } catch (error) {
      if (!isOver) trace({ is: 'base.failed', partition, fault: storedFaultOf(error) })
      const one = kept.get(partition)
      if (one !== undefined) one.notBefore = clock.now() + retryMs
    }
  }

  async function consider(positions: readonly FoldedPartition[]): Promise<void> {
    const owned = positions.filter(({ partition }) => isOwned(partition))
    const unknown = owned.filter(({ partition }) => !kept.has(partition))
    if (unknown.length > 0) await meet(unknown)
    for (const one of owned) if (!isOver && isOwned(one.partition) && isDue(one)) await upload(one.partition)
    // Whoever owns it in between makes bases of it too.
    for (const partition of kept.keys()) if (!isOwned(partition)) kept.delete(partition)
  }

  folder.onFolded((positions) => {
    if (isBusy || isOver) return
    isBusy = true
    consider(positions)
      // A bus that is away: the next fold looks again.
      .catch(() => undefined)
      .finally(() => (isBusy = false))
  })
  return {
    stop() {
      isOver = true
    },
  }
}
