/**
 * The partitions that this node owns: opens them, gives them up, loses them. It serves the clause
 * of the claim. Invariant: what is given up has committed all that it stepped, and is not touched
 * again.
 */
import { Fault, storedFaultOf } from '#protocol/fault.ts'
import type { Standstill } from '#protocol/standstill.ts'
import type { Store } from '#store/store.ts'
import type { Bus } from '#runtime/bus.ts'
import type { Claimed } from '#runtime/partition/claim.ts'
import type { Clock } from '#runtime/clock.ts'
import type { Committer } from '#runtime/partition/committer.ts'
import type { Blueprint } from '#runtime/core/blueprint.ts'
import type { Effects } from '#runtime/effects/effects.ts'
import type { Follower } from './follower.ts'
import type { Folder } from '#runtime/partition/folder.ts'
import { ownPartition } from '#runtime/partition/own-partition.ts'
import type { Ownership, Partition, PartitionOptions } from '#runtime/partition/partition.ts'
import type { Queries } from '#runtime/queries.ts'
import type { Rollouts } from '#runtime/rollouts/rollouts.ts'
import { steppingTurnsOf } from '#runtime/partition/stepping-turns.ts'
import type { Topics } from '#runtime/partition/topics.ts'
import { trace } from '#runtime/trace.ts'
import { takeOverOf } from './take-over.ts'
import { within } from './within.ts'
import type { LogWatch } from '#runtime/mending/verify-log.ts'

export type OwnersOptions = PartitionOptions & {
  readonly name: string
  readonly idleMs: number
  readonly residentsMost: number
  /** A partition that is given up may take so long to commit what it stepped. */
  readonly handOverMs: number
}

export type Owners = {
  readonly partitions: ReadonlyMap<number, Partition>
  /** Claimed and about to open, with their epochs. */
  readonly opening: ReadonlyMap<number, number>
  /** The log's end as far as this node has seen it. */
  readonly lastSeq: number
  /** Claims them, folds what is missing, opens: what becomes of each. */
  takeOver(numbers: readonly number[]): ReadonlyMap<number, Promise<void>>
  /** Commits what was begun, does what is still to be done, and lets go, so that another can claim it. */
  release(number: number, last?: (one: Partition) => Promise<void>): Promise<void>
  /** Lets go of all, by plan, to claim them anew. */
  reopen(): Promise<void>
  /** Lets go at once. */
  lose(number: number, error: Error): void
  /** Forgets actors that were idle since then. */
  evict(before: number): void
  drain(until: number): Promise<void>
  close(): Promise<void>
  /** Drops all of them from memory, because the log is not what they stand on any more. */
  suspend(): Promise<void>
  /** As a crash would: nothing is waited for. */
  abandon(): void
}

type World = {
  readonly bus: Bus
  readonly log: LogWatch
  readonly store: Store
  readonly clock: Clock
  readonly kinds: ReadonlyMap<string, Blueprint>
  readonly folder: Folder
  readonly committer: Committer
  readonly effects: Effects
  readonly topics: Topics
  readonly follower: Pick<Follower, 'leave' | 'isOpening'>
  readonly queries: Queries
  /** Whether timers stand still. */
  readonly standstill: () => Standstill | undefined
  readonly rollouts: () => Pick<Rollouts, 'confirm' | 'lacking' | 'passOn'>
  /** It is not ours any more: another claimed it, or it failed. */
  readonly onLost: (number: number, error: unknown) => void
  /** Claimed, and not open yet: the others need not wait for that to know. */
  readonly onClaimed: () => void
  /** These serve now. */
  readonly onOpened: (numbers: readonly number[]) => void
}

export function ownersOf(world: World, options: OwnersOptions, firstSeq: number): Owners {
  const { bus, log, store, clock, kinds, folder, committer, effects, topics, queries } = world
  const partitions = new Map<number, Partition>()
  const turns = steppingTurnsOf(clock)
  let lastSeq = firstSeq
  const awaited = new Map<number, number>()
  const folding = new Set<Promise<unknown>>()
  let isClosed = false

  const take = takeOverOf(
    {
      ...world,
      onClaimed(claims) {
        for (const { partition, epoch } of claims) awaited.set(partition, epoch)
        world.onClaimed()
      },
      onFolding(one) {
        folding.add(one)
        return one.finally(() => folding.delete(one))
      },
      open,
    },
    options,
  )

  function takeOver(numbers: readonly number[]): ReadonlyMap<number, Promise<void>> {
    const settled = [...take(numbers)].map(
      ([number, outcome]) => [number, outcome.finally(() => awaited.delete(number))] as const,
    )
    return new Map(settled)
  }

  async function open(claimed: Claimed, own: Ownership, life: number): Promise<void> {
    if (isClosed) return
    const { partition, seq, epoch } = claimed
    if (!log.isSound(life)) throw new Fault('log.mending', { value: bus.realm.name })
    lastSeq = Math.max(lastSeq, seq)
    log.begin(partition, { seq, epoch, n: undefined }, life)
    const one = ownPartition(
      {
        ...{ bus, store, folder, committer, effects, clock, turns, kinds },
        lastSeq: () => lastSeq,
        onMoved: queries.moved,
        onSubscribed: topics.set,
        lacking: () => world.rollouts().lacking(),
        onLacking: (number, kind) => world.rollouts().passOn(number, kind),
        onLost: lost,
      },
      partition,
      own,
      options,
    )
    partitions.set(partition, one)
    try {
      await one.open()
    } catch (error) {
      // Half open it would go on stepping beside the owner that comes after it.
      await one.close()
      if (partitions.get(partition) === one) forget(partition)
      throw error
    }
    if (partitions.get(partition) !== one) return
    queries.serve(partition)
    world.onOpened([partition])
  }

  function forget(number: number): void {
    partitions.delete(number)
    queries.withdraw(number)
    topics.drop(number)
    log.end(number)
  }

  function lost(number: number, error: unknown): void {
    forget(number)
    if (!isClosed) world.onLost(number, error)
  }

  const release: Owners['release'] = async (number, last) => {
    const one = partitions.get(number)
    if (one === undefined) return
    // Asked for now, the answer would come from a partition that is about to be another's.
    queries.withdraw(number)
    const until = clock.now() + options.handOverMs
    await within(clock, until - clock.now(), one.drain())
    if (partitions.get(number) !== one) return
    // Its effects go on here, and what they say goes to the mailbox from now on. What was noted before is committed.
    effects.handOver(number)
    await within(clock, until - clock.now(), one.drain())
    if (partitions.get(number) !== one) return
    // Whatever it could not do is still to be done by whoever claims it.
    await last?.(one).catch((error: unknown) => trace({ is: 'duty.failed', fault: storedFaultOf(error) }))
    if (partitions.get(number) !== one) return
    await one.close()
    forget(number)
    trace({ is: 'partition.released', partition: number })
  }

  return {
    partitions,
    opening: awaited,
    get lastSeq() {
      return lastSeq
    },
    takeOver,
    release,
    async reopen() {
      await Promise.all([...partitions.keys()].map((number) => release(number)))
    },
    lose(number, error) {
      const one = partitions.get(number)
      if (one === undefined) return
      void one.close()
      trace({ is: 'partition.lost', partition: number, fault: storedFaultOf(error) })
      lost(number, error)
    },
    evict(before) {
      const most = Math.ceil(options.residentsMost / Math.max(1, partitions.size))
      for (const one of partitions.values()) {
        one.evict(before, most)
        lastSeq = Math.max(lastSeq, one.position.seq)
      }
    },
    drain: (until) =>
      within(clock, until - clock.now(), Promise.all([...partitions.values()].map((one) => one.drain()))),
    async close() {
      isClosed = true
      await Promise.all([...partitions.values()].map((one) => one.close()))
    },
    async suspend() {
      for (const [number, one] of [...partitions]) {
        forget(number)
        await one.close().catch(() => undefined)
      }
      await Promise.allSettled(folding)
    },
    abandon() {
      isClosed = true
      for (const one of partitions.values()) void one.close()
    },
  }
}
