/**
 * What each partition of a restored realm takes over from the cut's. With the same number of them,
 * all that is known of senders goes on; with another number actors move, so partitions begin to
 * count anew, and what was in flight is sent as if by the partition in which its sender lives now.
 */
import { isAddress } from '#protocol/address.ts'
import type { CutSlice } from '#protocol/cut.ts'
import type { Envelope } from '#protocol/envelope.ts'
import type { FoldedPartition } from '#protocol/folded.ts'
import { partitionOf } from '#protocol/partition.ts'

export type Share = {
  readonly partition: number
  readonly position: FoldedPartition
  /** Partitions of the cut that its actors are in. */
  readonly from: readonly number[]
}

export type Sender = { readonly partition: number; readonly n: number; readonly index: number }

export type Shares = {
  readonly all: readonly Share[]
  /** As whom an envelope in flight is sent again; asked in the order of positions. */
  senderOf(sender: number, envelope: Envelope): Sender
}

type Options = {
  readonly partitions: number
  /** By partition, the position of the claim that it goes on from, and its epoch. */
  readonly seqs: readonly number[]
  readonly epochs: readonly number[]
}

/** Above all that ever owned one of them. */
export function epochsOf(slices: readonly CutSlice[], partitions: number): readonly number[] {
  if (partitions === slices.length) return slices.map(({ position }) => position.epoch + 1)
  const epoch = Math.max(...slices.map(({ position }) => position.epoch)) + 1
  return Array.from({ length: partitions }, () => epoch)
}

export function sharesOf(slices: readonly CutSlice[], options: Options): Shares {
  return options.partitions === slices.length ? sameOf(slices, options) : otherOf(slices, options)
}

const claimOf = ({ seqs, epochs }: Options, partition: number): { readonly seq: number; readonly epoch: number } => ({
  seq: seqs[partition] as number,
  epoch: epochs[partition] as number,
})

function sameOf(slices: readonly CutSlice[], options: Options): Shares {
  return {
    all: slices.map(({ partition, position: { cuts: _, ...position } }) => ({
      partition,
      position: { ...position, ...claimOf(options, partition) },
      from: [partition],
    })),
    senderOf: (partition, { n, index }) => ({ partition, n, index }),
  }
}

function otherOf(slices: readonly CutSlice[], options: Options): Shares {
  const { partitions } = options
  const counts = new Map<number, number>()
  const positions = slices.map(({ position }) => position)
  const most = (of: (position: FoldedPartition) => number | undefined): number =>
    Math.max(0, ...positions.map((position) => of(position) ?? 0))
  // What holds for all of them holds for each: a time away that was not so can only be too long.
  const common = {
    n: 1,
    cursor: 0,
    heard: Math.min(...positions.map(({ heard }) => heard)),
    awayMs: Math.min(...positions.map(({ awayMs }) => awayMs)),
    openedAt: most(({ openedAt }) => openedAt),
    at: most(({ at }) => at),
    marks: {},
    visitFloor: most(({ visitFloor }) => visitFloor),
    ...(most(({ forgottenAt }) => forgottenAt) > 0 ? { forgottenAt: most(({ forgottenAt }) => forgottenAt) } : {}),
  }
  return {
    all: Array.from({ length: partitions }, (_, partition) => ({
      partition,
      position: { ...common, partition, ...claimOf(options, partition) },
      from: slices.map((slice) => slice.partition),
    })),
    senderOf(sender, { from }) {
      const partition = from !== undefined && isAddress(from) ? partitionOf(from, partitions) : sender % partitions
      const index = counts.get(partition) ?? 0
      counts.set(partition, index + 1)
      return { partition, n: 1, index }
    },
  }
}
