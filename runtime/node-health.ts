/**
 * How a node is, in numbers, for whoever keeps it running. It serves those who look on, and decides
 * nothing.
 */
import type { Store } from '#store/store.ts'
import type { Effects } from './effects/effects.ts'
import type { Share } from './members/share.ts'
import type { NodeHealth } from './node.ts'
import type { Folder } from './partition/folder.ts'
import type { Partition } from './partition/partition.ts'

type World = {
  readonly isStopping: boolean
  readonly partitions: readonly Partition[]
  /** Of the realm. */
  readonly of: number
  readonly share: Share
  readonly folder: Pick<Folder, 'behind'>
  readonly effects: Pick<Effects, 'running'>
  readonly store: Pick<Store, 'count'>
}

export function nodeHealthOf({ isStopping, partitions, of, share, folder, effects, store }: World): NodeHealth {
  const sum = (count: (one: Partition) => number): number => partitions.reduce((total, one) => total + count(one), 0)
  return {
    ready: !isStopping && !share.isCutOff && (partitions.length > 0 || share.isServed()),
    phase: share.progress().phase,
    nodes: share.others().length + 1,
    partitions: partitions.length,
    of,
    owned: partitions.map((one) => one.partition),
    queued: sum((one) => one.depth.queued),
    staged: sum((one) => one.depth.staged),
    behind: folder.behind,
    effects: effects.running,
    residents: sum((one) => one.residents),
    actors: store.count(),
    waits: share.setbacks().flatMap(([partition, reason, since]) => (since === 0 ? [{ partition, reason }] : [])),
  }
}
