/**
 * How a node is, in numbers, for whoever keeps it running; and waiting until nothing of it waits any
 * more. It serves those who look on, and decides nothing.
 */
import type { Realm } from '#protocol/realm.ts'
import type { Store } from '#store/store.ts'
import type { Effects } from './effects/effects.ts'
import { packedIn } from './members/load.ts'
import type { Owners } from './members/owners.ts'
import type { Share } from './members/share.ts'
import type { NodeHealth } from './node.ts'
import type { Folder } from './partition/folder.ts'
import type { Partition } from './partition/partition.ts'

type World = {
  readonly realm: Realm
  readonly owners: Owners
  readonly share: Share
  readonly folder: Folder
  readonly effects: Effects
  readonly store: Store
}

export function healthOf({ realm, owners, share, folder, effects, store }: World, isRunning: boolean): NodeHealth {
  const all = [...owners.partitions.values()]
  const sum = (of: (one: Partition) => number): number => all.reduce((total, one) => total + of(one), 0)
  return {
    ready: isRunning && !share.isCutOff && (all.length > 0 || share.isServed()),
    phase: share.progress().phase,
    nodes: share.others().length + 1,
    partitions: all.length,
    of: realm.partitions,
    owned: all.map((one) => one.partition),
    queued: sum((one) => one.depth.queued),
    staged: sum((one) => one.depth.staged),
    behind: folder.behind,
    effects: effects.running,
    residents: sum((one) => one.residents),
    actors: store.count(),
    packed: packedIn(store),
    waits: share.setbacks().flatMap(([partition, reason, since]) => (since === 0 ? [{ partition, reason }] : [])),
  }
}

/** Everything that was stepped is committed and folded. */
export async function settle({ partitions }: Owners, folder: Folder): Promise<void> {
  for (let busy = true; busy;) {
    await folder.flush()
    busy = folder.behind > 0 || [...partitions.values()].some(({ depth }) => depth.queued + depth.staged > 0)
    if (busy) await new Promise<void>((resolve) => setImmediate(resolve))
  }
}
