/** What a node says that it owns. Invariant: a claim is said before it is open, so that nobody else claims meanwhile. */
import type { OwnedPartition } from '#protocol/heartbeat.ts'
import type { Owners } from './owners.ts'

export function ownedBy({ partitions, opening }: Owners, told: ReadonlyMap<number, number>): OwnedPartition[] {
  const open = [...partitions.values()].map(({ partition, position, depth }): OwnedPartition => [
    partition,
    position.epoch,
    position.n,
    depth.queued,
  ])
  const awaited = [...opening].flatMap(([partition, epoch]): OwnedPartition[] =>
    partitions.has(partition) ? [] : [[partition, epoch, told.get(partition) ?? 0, 0]],
  )
  return [...open, ...awaited]
}
