/**
 * Bases of partitions: what a fold holds, uploaded before the log forgets it. Invariants: a base
 * is named by the number of the last record in it, and never overwritten, so an owner that does
 * not know yet that it is one no more can add nothing but an older one; a store whose number is
 * below that of the newest base may miss what was trimmed, and starts again from it.
 */
import type { Store } from '#store/store.ts'
import type { Bus } from './bus.ts'
import { trace } from './trace.ts'

type World = { readonly bus: Bus; readonly store: Store }

/** Uploads what is not there yet; of each partition, the number up to which there is a base now. */
export async function uploadBases(
  { bus, store }: World,
  partitions: readonly number[],
): Promise<ReadonlyMap<number, number>> {
  const present = new Set(await bus.blobs.names())
  const uploaded = new Map<number, number>()
  for (const partition of partitions) {
    const n = store.partition(partition)?.n ?? 0
    const name = baseName(partition, n)
    if (!present.has(name)) await bus.blobs.put(name, await store.base(partition))
    uploaded.set(partition, n)
  }
  return uploaded
}

/** Of each partition only the newest is of use; who reads an older one finds it gone and looks again. */
export async function removeBasesBelow(bus: Bus, uploaded: ReadonlyMap<number, number>): Promise<void> {
  for (const { partition, n, name } of basesOf(await bus.blobs.names())) {
    if (n < (uploaded.get(partition) ?? 0)) await bus.blobs.remove(name)
  }
}

/** Brings the store to the newest base where it is behind that; says for which partitions it did. */
export async function takeNewerBases({ bus, store }: World, partitions: readonly number[]): Promise<readonly number[]> {
  const taken: number[] = []
  const newest = new Map<number, Base>()
  for (const base of basesOf(await bus.blobs.names())) {
    if (base.n > (newest.get(base.partition)?.n ?? 0)) newest.set(base.partition, base)
  }
  for (const partition of partitions) {
    const base = newest.get(partition)
    const have = store.partition(partition)?.n ?? 0
    if (base === undefined || base.n <= have) continue
    taken.push(partition)
    const bytes = await bus.blobs.get(base.name)
    // A newer one has taken its place meanwhile.
    if (bytes === undefined) continue
    trace({
      is: 'fold.rebuilt',
      reason: `The store has partition ${partition} up to record ${have}; it goes on from the base of record ${base.n}.`,
    })
    await store.dropPartition(partition)
    await store.loadBase(bytes)
  }
  return taken
}

type Base = { readonly partition: number; readonly n: number; readonly name: string }

function baseName(partition: number, n: number): string {
  return `base.${partition}.${n}`
}

function basesOf(names: readonly string[]): Base[] {
  return names.flatMap((name) => {
    const [, partition, n] = /^base\.(\d+)\.(\d+)$/.exec(name) ?? []
    return partition === undefined ? [] : [{ partition: Number(partition), n: Number(n), name }]
  })
}
