/**
 * What a node says that it owns and follows. Invariant: a claim is said before it is open, so that
 * nobody else claims meanwhile.
 */
import type { FollowedPartition, OwnedPartition } from '#protocol/heartbeat.ts'
import type { Follower } from './follower.ts'
import type { Owners } from './owners.ts'

/**
 * A reading that is so few records behind what its owner told last is at the log's end: a partition
 * that moves pauses for what is left to read, of all that move at a time.
 */
const closeRecords = 100

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

/** What it may not claim yet nobody gives to it. With the last word the store may be closed already. */
export function followedBy(
  follower: Pick<Follower, 'positions'>,
  told: ReadonlyMap<number, number>,
  mayClaim: (partition: number) => boolean,
): FollowedPartition[] {
  return [...follower.positions()].map(([partition, { n, read }]) => [
    partition,
    n,
    mayClaim(partition) && read + closeRecords >= (told.get(partition) ?? Number.POSITIVE_INFINITY),
  ])
}
