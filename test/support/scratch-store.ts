import { decode } from '#protocol/codec.ts'
import { applyAll } from '#protocol/delta.ts'
import type { Store, StoreIdentity } from '#store/store.ts'
import { partitionOf } from '#protocol/partition.ts'
export function openMemoryStore({ identity }: { identity: StoreIdentity }): Store {
  const parts = new Map<number, any>(), actors = new Map<string, { array: unknown[]; needs: any }>(), hist = new Map<string, any[]>()
  let alive: number | undefined
  return {
    identity,
    partition: (p) => parts.get(p),
    read: (a) => actors.get(a)?.array,
    async fold(folds) {
      await Promise.resolve()
      for (const f of folds) {
        parts.set(f.partition.partition, f.partition)
        for (const c of f.changes) {
          if (c.is === 'gone') actors.delete(c.address)
          else if (c.is === 'full') actors.set(c.address, { array: decode(c.state) as unknown[], needs: c.needs })
          else actors.set(c.address, { array: applyAll(c.base ? decode(c.base) as unknown[] : actors.get(c.address)!.array, c.deltas) as unknown[], needs: c.needs })
        }
        for (const h of f.history) hist.set(h.address, [...(hist.get(h.address) ?? []), h])
      }
    },
    addresses: ({ partition, kind, after, limit }) => [...actors.keys()].sort().filter((a) => (partition === undefined || partitionOf(a as any, identity.partitions) === partition) && (!kind || a.startsWith(kind + '/')) && (!after || a > after)).slice(0, limit) as any,
    count: () => actors.size,
    needs: (p) => [...actors].filter(([a]) => partitionOf(a as any, identity.partitions) === p).map(([a, v]) => [a, v.needs] as any),
    history: (a, { limit }) => (hist.get(a) ?? []).toReversed().slice(0, limit),
    async trimHistory() {}, async base() { return new Uint8Array() }, async loadBase() {}, async dropPartition() {},
    alive: { get: () => alive, async set(at) { alive = at } },
    size: () => ({ bytes: 0, limit: 0 }), async close() {}, async [Symbol.asyncDispose]() {},
  } as Store
}
