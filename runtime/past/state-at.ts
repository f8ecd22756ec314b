/**
 * The state of one actor at an instant of a log. It serves "any actor at any past instant". What it
 * reads is small: the owner's history names the commits of this actor, and most of them hold its
 * state whole. Invariant: a state is given out only where no commit before it can be missing.
 */
import type { Address } from '#protocol/address.ts'
import { decode } from '#protocol/codec.ts'
import { isFault } from '#protocol/fault.ts'
import { partitionOf } from '#protocol/partition.ts'
import type { Seen } from '#protocol/query.ts'
import { type Anchor, type Anchors, anchorsOf } from './anchors.ts'
import type { Epoch } from './epochs.ts'
import { type Asking, type AskOwner, commitsOf, type Line, linesOf, readsMost } from './history-lines.ts'
import { type Bound, isWithin } from './instant.ts'
import { reachedFrom } from './reach.ts'
import { type Commit, isWhole, stateAfter } from './records.ts'

export type PastWorld = Anchors & {
  /** Once: who is between two owners reads the log. */
  readonly ask: AskOwner
}

export type PastState = {
  readonly address: Address
  /** The state's array form; nothing where there was no such actor. */
  readonly state: unknown[] | undefined
  /** From what it was put together: the actor as it still is, whole states on the log, or an anchor. */
  readonly from: 'present' | 'log' | Anchor['is']
  /** The last commit that is in it, where one was read. */
  readonly commit: Pick<Commit, 'n' | 'seq' | 'at'> | undefined
  /** Up to this place, and perhaps further, it is known to be so. */
  readonly place: number
}

/** So many later commits are passed over in the history before the log itself is read. */
const passedMost = 20_000

export async function stateAt(
  world: PastWorld,
  epoch: Epoch,
  sought: { address: Address; bound: Bound },
): Promise<PastState> {
  const partition = partitionOf(sought.address, epoch.bus.realm.partitions)
  const place = { world, epoch, partition, ...sought }
  return (epoch.isPresent ? await asked(() => byHistory(place)) : undefined) ?? (await byLog(place))
}

type Place = {
  readonly world: PastWorld
  readonly epoch: Epoch
  readonly partition: number
  readonly address: Address
  readonly bound: Bound
}

/** Nothing when the owner cannot be asked. */
export async function asked<T>(ask: () => Promise<T | undefined>): Promise<T | undefined> {
  try {
    return await ask()
  } catch (error) {
    if (isFault(error, 'partition.unowned') || isFault(error, 'query.failed')) return undefined
    throw error
  }
}

/** Nothing when its history does not reach as far as is needed. */
async function byHistory({ world, epoch, partition, address, bound }: Place): Promise<PastState | undefined> {
  const asking: Asking = { ask: world.ask, partition, address }
  // First, so that whatever is committed meanwhile shows in the history.
  const seen = await world.ask<Seen>(partition, { is: 'state', address })
  let passed = 0
  let wanted: Line[] = []
  let size = 1
  /** Newest first. */
  const commits: Commit[] = []

  async function look(): Promise<PastState | 'further' | undefined> {
    const read = await commitsOf(epoch.bus, asking, wanted)
    wanted = []
    size = Math.min(readsMost, size * 4)
    for (const commit of read ?? []) {
      commits.push(commit)
      if (isWhole(commit))
        return pastOf(address, { from: 'log', before: undefined, place: 0, commits: commits.toReversed() })
    }
    if (read === undefined) return undefined
    if (commits.length < readsMost) return 'further'
    const { value: anchor } = await anchorsOf(epoch, world, { partition, address, bound }).next()
    const { is, n, seq, state } = anchor as Anchor
    const behind = commits.filter((commit) => commit.n > n)
    if (behind.length === commits.length) return 'further'
    return pastOf(address, { from: is, before: state, place: seq, commits: behind.toReversed() })
  }

  for await (const line of linesOf(asking)) {
    if (!isWithin(bound, line)) {
      if (++passed > passedMost) return undefined
      continue
    }
    if (passed === 0) return presentOf(address, seen, line)
    wanted.push(line)
    if (wanted.length < size) continue
    const found = await look()
    if (found !== 'further') return found
  }
  const found = wanted.length === 0 ? undefined : await look()
  return found === 'further' ? undefined : found
}

/** It was not changed since. */
function presentOf(address: Address, { state }: Seen, { n, seq, at }: Line): PastState {
  return {
    address,
    state: state === undefined ? undefined : (decode(state) as unknown[]),
    from: 'present',
    commit: { n, seq, at },
    place: seq,
  }
}

type Pieces = {
  readonly from: PastState['from']
  readonly before: unknown[] | undefined
  readonly place: number
  readonly commits: readonly Commit[]
}

function pastOf(address: Address, { from, before, place, commits }: Pieces): PastState {
  const last = commits.at(-1)
  return {
    address,
    state: stateAfter(
      before,
      commits.flatMap(({ changes }) => changes),
    ),
    from,
    commit: last === undefined ? undefined : { n: last.n, seq: last.seq, at: last.at },
    place: last?.seq ?? place,
  }
}

async function byLog({ world, epoch, partition, address, bound }: Place): Promise<PastState> {
  const { anchor, commits } = await reachedFrom(epoch, world, { partition, address, bound, until: bound })
  return pastOf(address, { from: anchor.is, before: anchor.state, place: anchor.seq, commits })
}
