/**
 * Stands by for partitions that others own, so that a take-over needs no reading. It serves the
 * clause of the claim. Invariants: nothing of a partition is folded twice, so one that was left
 * begins again only when its last fold is through; what cannot be followed is shown and tried again.
 */
import { isFault, type StoredFault, storedFaultOf } from '#protocol/fault.ts'
import { type Base, newestBases } from '#runtime/trimming/bases.ts'
import { type FollowOptions, type FollowWorld, followRecords, type Following } from './follow-records.ts'
import { dropFold, isUnreadable } from '#runtime/partition/unreadable.ts'
import { trace } from '#runtime/trace.ts'
import { turnsOf } from '#runtime/turns.ts'
import { within } from './within.ts'

export type FollowerOptions = Omit<FollowOptions, 'onBroken'> & { readonly retryMs: number }

export type Follower = {
  /**
   * Begins to follow these and leaves all others, but for those that are kept as they are. Resolves
   * when nothing of what it left is folded any more.
   */
  set(partitions: ReadonlySet<number>, kept?: ReadonlySet<number>): Promise<void>
  /** Resolves when nothing of it is folded any more. */
  leave(partition: number): Promise<void>
  /** Whether it reads what was written before it followed: whoever is given something now is slow to take it. */
  isCatchingUp(): boolean
  /** Whether it is about to be read. */
  isOpening(partition: number): boolean
  /** Up to which record each of them was folded, and up to which it was read. */
  positions(): ReadonlyMap<number, { readonly n: number; readonly read: number }>
  /** What cannot be followed now, and why; some of them, if there are many. */
  failures(): readonly (readonly [partition: number, reason: string])[]
  stop(): Promise<void>
}

type World = Omit<FollowWorld, 'newest'>

type Followed = {
  following: Following | undefined
  fault: StoredFault | undefined
  isOpening: boolean
  hasCaughtUp: boolean
  /** Idempotent; also while it opens, because what it folds then would be folded twice. */
  stop(): Promise<void>
}

/** The longest pause after a failure; it doubles from one to the next. */
const retryMostMs = 60_000
/** A heartbeat is small, and what fails for many mostly fails for one reason. */
const reasonsMost = 8

/**
 * Partitions that are caught up with at a time. All at once would bury what the node has to hear
 * under a log's worth of records, and none would be close before all are.
 */
const openingMost = 4
/** Who has not caught up by then goes on beside the next. */
const turnMs = 5000

export function followerOf(world: World, options: FollowerOptions): Follower {
  const { bus, store, clock } = world
  const followed = new Map<number, Followed>()
  /** Those that were left and are not through with their last fold: until then they do not begin again. */
  const leaving = new Map<number, Promise<void>>()
  const turns = turnsOf(openingMost)
  let listing: Promise<ReadonlyMap<number, Base>> | undefined

  /** One look at the bases serves all that are opened meanwhile; what was trimmed since is a gap, and begins again. */
  function newest(): Promise<ReadonlyMap<number, Base>> {
    listing ??= newestBases(bus).finally(() => (listing = undefined))
    return listing
  }

  /** Nothing when the store is closed: then this is over, and what fails only hears of it late. */
  function foldedTo(partition: number): number | undefined {
    try {
      return store.partition(partition)?.n ?? 0
    } catch (error) {
      if (isFault(error, 'store.closed')) return undefined
      throw error
    }
  }

  function begin(partition: number, failures: number, before: Promise<void> | undefined): void {
    const begunAt = foldedTo(partition)
    if (begunAt === undefined) return
    let retry: { cancel(): void } | undefined
    let isBegun = false
    const isWanted = (): boolean => followed.get(partition) === state
    const onBroken = (error: unknown): void => {
      const n = foldedTo(partition)
      if (!isWanted() || n === undefined) return
      // One that got on since it began has not failed again, but anew.
      const count = n > begunAt ? 1 : failures + 1
      const pauseMs = Math.min(retryMostMs, options.retryMs * 10 * 2 ** Math.min(count - 1, 20))
      state.following = undefined
      state.fault = storedFaultOf(error)
      trace({ is: 'follow.failed', partition, fault: state.fault, failures: count, retryMs: pauseMs })
      const again = (): void => {
        if (!isWanted()) return
        const stopped = state.stop()
        begin(partition, count, isUnreadable(error) ? stopped.then(() => dropFold(store, partition, error)) : stopped)
      }
      retry = clock.at(clock.now() + pauseMs, again)
    }
    const opening = Promise.withResolvers<Following | undefined>()
    const state: Followed = {
      following: undefined,
      fault: followed.get(partition)?.fault,
      isOpening: false,
      hasCaughtUp: false,
      async stop() {
        retry?.cancel()
        // What waits for its turn has nothing that could end.
        if (!isBegun) opening.resolve(undefined)
        const opened = await opening.promise
        await (opened === undefined ? before : opened.stop())
      },
    }
    followed.set(partition, state)
    const open = async (): Promise<void> => {
      await before
      if (!isWanted()) return
      isBegun = true
      state.isOpening = true
      const opened = await followRecords({ ...world, newest }, partition, { ...options, onBroken })
      state.isOpening = false
      state.following = opened
      state.fault = undefined
      opening.resolve(opened)
      void opened.caughtUp.then(() => (state.hasCaughtUp = true))
      await within(clock, turnMs, opened.caughtUp)
    }
    turns(open).catch((error: unknown) => {
      state.isOpening = false
      opening.resolve(undefined)
      onBroken(error)
    })
  }

  function leave(partition: number): Promise<void> {
    const state = followed.get(partition)
    if (state === undefined) return leaving.get(partition) ?? Promise.resolve()
    followed.delete(partition)
    const ending = state.stop().finally(() => {
      if (leaving.get(partition) === ending) leaving.delete(partition)
    })
    leaving.set(partition, ending)
    return ending
  }

  return {
    async set(wanted, kept = new Set()) {
      const left = [...followed.keys()].filter((one) => !wanted.has(one) && !kept.has(one)).map(leave)
      for (const partition of wanted)
        if (!followed.has(partition) && !kept.has(partition)) begin(partition, 0, leaving.get(partition))
      await Promise.all(left)
    },
    leave,
    // What cannot be followed is tried again now and then, and nobody waits for it.
    isCatchingUp: () => [...followed.values()].some(({ hasCaughtUp, fault }) => !hasCaughtUp && fault === undefined),
    isOpening: (partition) => followed.get(partition)?.isOpening === true,
    positions() {
      const found = new Map<number, { n: number; read: number }>()
      for (const [partition, { following }] of followed) {
        if (following === undefined) continue
        const n = store.partition(partition)?.n ?? 0
        found.set(partition, { n, read: following.refold.position(partition)?.n ?? n })
      }
      return found
    },
    failures: () =>
      [...followed]
        .flatMap(([partition, { fault }]) =>
          fault === undefined ? [] : [[partition, `${fault.message} (${fault.code})`] as const],
        )
        .slice(0, reasonsMost),
    async stop() {
      await this.set(new Set())
    },
  }
}
