/**
 * The partitions that this node owns: takes them over, gives them up, loses them. It serves the
 * clause of the claim. Invariants: nothing is opened before its claim is on the log and its fold
 * is through; what is given up has committed all that it stepped, and is not touched again.
 */
import { storedFaultOf } from '#protocol/fault.ts'
import { subjects } from '#protocol/subject.ts'
import type { Store } from '#store/store.ts'
import type { Bus } from '#runtime/bus.ts'
import { claimPartition, ownershipOf } from '#runtime/partition/claim.ts'
import type { Clock } from '#runtime/clock.ts'
import type { Committer } from '#runtime/partition/committer.ts'
import type { Blueprint } from '#runtime/core/blueprint.ts'
import type { Effects } from '#runtime/effects/effects.ts'
import type { Folder } from '#runtime/partition/folder.ts'
import { ownPartition } from '#runtime/partition/own-partition.ts'
import { holdingOf } from '#runtime/mending/holding.ts'
import type { Partition, PartitionOptions } from '#runtime/partition/partition.ts'
import type { Queries } from '#runtime/queries.ts'
import type { Rollouts } from '#runtime/rollouts/rollouts.ts'
import { foldThrough } from '#runtime/partition/rebuild.ts'
import type { Topics } from '#runtime/partition/topics.ts'
import { trace } from '#runtime/trace.ts'
import { checkStore, type LogWatch } from '#runtime/mending/verify-log.ts'

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
  /** Claims them, folds what is missing, opens. */
  takeOver(numbers: readonly number[]): Promise<void>
  /** Commits what was begun, does what is still to be done, and lets go, so that another can claim it. */
  release(number: number, last?: (one: Partition) => Promise<void>): Promise<void>
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
  readonly queries: Queries
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
  let lastSeq = firstSeq
  const awaited = new Map<number, number>()
  let isClosed = false

  async function takeOver(numbers: readonly number[]): Promise<void> {
    try {
      await claimAndOpen(numbers)
    } finally {
      for (const number of numbers) awaited.delete(number)
    }
  }

  async function claimAndOpen(numbers: readonly number[]): Promise<void> {
    const { life } = log
    // What this node has of them may still be on its way into the store.
    await folder.flush()
    await checkStore({ bus, store }, numbers)
    const claims = await Promise.all(numbers.map((number) => claimPartition({ bus, clock }, number, options.name)))
    for (const { partition, epoch } of claims) awaited.set(partition, epoch)
    world.onClaimed()
    const through = Math.max(...claims.map((one) => one.seq))
    const { clientKeepMs, clientsMost, mendKeepMs } = options
    await foldThrough({ bus, store, clock, kinds }, claims, { through, clientKeepMs, clientsMost, mendKeepMs })
    const owned = claims.map((claimed) => ({ claimed, own: ownershipOf(store, claimed, clock.now()) }))
    const holding = holdingOf(clock, options)
    for (const { partition, seq, data } of claims)
      holding.add({ seq, subject: subjects.commit(bus.realm, partition), data, at: 0 })
    await store.fold(
      owned.map((one) => ({ partition: one.own.folded, changes: [], history: [] })),
      holding.take(),
    )
    // Asked only now: what a newer version made of it before our claim stands in the registry.
    const confirmed = await world.rollouts().confirm(numbers)
    if (isClosed) return
    lastSeq = Math.max(lastSeq, through)
    const mine = owned.filter(({ claimed }) => confirmed.has(claimed.partition))
    const opening = mine.map(({ claimed: { partition, seq, epoch }, own }) => {
      log.begin(partition, { seq, epoch, n: undefined }, life)
      const one = ownPartition(
        {
          bus,
          store,
          folder,
          committer,
          effects,
          clock,
          kinds,
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
      return one
    })
    try {
      await Promise.all(opening.map((one) => one.open()))
    } catch (error) {
      // One that is half open would go on stepping beside the owner that comes after it.
      for (const one of opening) {
        await one.close()
        forget(one.partition)
      }
      throw error
    }
    for (const one of opening) if (partitions.get(one.partition) === one) queries.serve(one.partition)
    world.onOpened(numbers)
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

  async function withinGrace(work: Promise<unknown>, until: number): Promise<void> {
    const late = Promise.withResolvers<void>()
    const alarm = clock.at(until, late.resolve)
    await Promise.race([work, late.promise])
    alarm.cancel()
  }

  return {
    partitions,
    opening: awaited,
    get lastSeq() {
      return lastSeq
    },
    takeOver,
    async release(number, last) {
      const one = partitions.get(number)
      if (one === undefined) return
      // Asked for now, the answer would come from a partition that is about to be another's.
      queries.withdraw(number)
      const until = clock.now() + options.handOverMs
      await withinGrace(one.drain(), until)
      if (partitions.get(number) !== one) return
      // Its effects go on here, and what they say goes to the mailbox from now on. What was noted before is committed.
      effects.handOver(number)
      await withinGrace(one.drain(), until)
      if (partitions.get(number) !== one) return
      // Whatever it could not do is still to be done by whoever claims it.
      await last?.(one).catch((error: unknown) => trace({ is: 'duty.failed', fault: storedFaultOf(error) }))
      if (partitions.get(number) !== one) return
      await one.close()
      forget(number)
      await folder.flush()
      trace({ is: 'partition.released', partition: number })
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
    drain: (until) => withinGrace(Promise.all([...partitions.values()].map((one) => one.drain())), until),
    async close() {
      isClosed = true
      await Promise.all([...partitions.values()].map((one) => one.close()))
    },
    async suspend() {
      for (const [number, one] of [...partitions]) {
        forget(number)
        await one.close().catch(() => undefined)
      }
    },
    abandon() {
      isClosed = true
      for (const one of partitions.values()) void one.close()
    },
  }
}
