/**
 * All commits of one actor between two instants, and the state before the first of them. It serves
 * "the exact envelopes that it had received" and every replay. Invariants: none of its commits in
 * between is missing; what it starts from is the state that the first of them changed.
 */
import type { Address } from '#protocol/address.ts'
import { Fault } from '#protocol/fault.ts'
import { partitionOf } from '#protocol/partition.ts'
import { stateOfArray } from '#protocol/state.ts'
import type { Epoch } from './epochs.ts'
import { commitsOf, type Line, linesOf } from './history-lines.ts'
import { type Bound, isWithin } from './instant.ts'
import { reachedAtAll, reachedFrom } from './reach.ts'
import { type Commit, isWhole, stateAfter } from './records.ts'
import { asked, type PastWorld, stateAt } from './state-at.ts'

export type Trail = {
  readonly address: Address
  /** Before the first commit; nothing where there was no such actor. */
  readonly start: unknown[] | undefined
  /** Whether it starts where it was asked to, or where the actor was born; else what was before is not known. */
  readonly isWhole: boolean
  /** In their order. */
  readonly commits: readonly Commit[]
}

export type Between = {
  readonly address: Address
  /** From the actor's beginning, or from as far back as is known, when nothing is said. */
  readonly after: Bound | undefined
  readonly until: Bound
  /** Of commits. */
  readonly most: number
}

type Place = { readonly world: PastWorld; readonly epoch: Epoch; readonly partition: number; readonly between: Between }

export async function trailOf(world: PastWorld, epoch: Epoch, between: Between): Promise<Trail> {
  const partition = partitionOf(between.address, epoch.bus.realm.partitions)
  const place = { world, epoch, partition, between }
  return (epoch.isPresent ? await asked(() => byHistory(place)) : undefined) ?? (await byLog(place))
}

async function byHistory({ world, epoch, partition, between }: Place): Promise<Trail | undefined> {
  const { address, after, until, most } = between
  const lines: Line[] = []
  let isReached = false
  for await (const line of linesOf({ ask: world.ask, partition, address })) {
    if (!isWithin(until, line)) continue
    isReached = after !== undefined && isWithin(after, line)
    if (isReached) break
    lines.push(line)
    if (lines.length > most) throw new Fault('past.tooLong', { value: address, limit: most })
  }
  const commits = (await commitsOf(epoch.bus, { partition, address }, lines))?.toReversed()
  if (commits === undefined) return undefined
  if (after === undefined) return commits.length === 0 ? undefined : fromKnown(address, commits)
  if (!isReached && !isBirth(commits[0])) return undefined
  const start = isReached ? (await stateAt(world, epoch, { address, bound: after })).state : undefined
  return { address, start, isWhole: true, commits }
}

async function byLog({ world, epoch, partition, between }: Place): Promise<Trail> {
  const { address, after, until, most } = between
  const sought = { partition, address, until }
  const { anchor, commits } = await (after === undefined
    ? reachedAtAll(epoch, world, sought)
    : reachedFrom(epoch, world, { ...sought, bound: after }))
  const before = after === undefined ? [] : commits.filter((commit) => isWithin(after, commit))
  const left = commits.slice(before.length)
  if (left.length > most) throw new Fault('past.tooLong', { value: address, limit: most })
  const start = stateAfter(
    anchor.state,
    before.flatMap(({ changes }) => changes),
  )
  return { address, start, isWhole: after !== undefined || anchor.n === 0 || anchor.state === undefined, commits: left }
}

/** Of what came before the first whole state nothing can be said. */
function fromKnown(address: Address, commits: readonly Commit[]): Trail {
  if (isBirth(commits[0])) return { address, start: undefined, isWhole: true, commits }
  const first = commits.findIndex(isWhole)
  const { changes = [] } = commits[first] ?? {}
  if (first < 0) return { address, start: undefined, isWhole: false, commits: [] }
  return { address, start: stateAfter(undefined, changes), isWhole: false, commits: commits.slice(first + 1) }
}

/** Its state counts no steps but those of this very commit. */
function isBirth(commit: Commit | undefined): boolean {
  if (commit === undefined || !isWhole(commit)) return false
  const state = stateAfter(undefined, commit.changes)
  const counted = commit.steps.filter(({ mark }) => mark !== 'stale' && mark !== 'duplicate')
  return state !== undefined && stateOfArray(state).steps <= counted.length
}
