/**
 * Folds the records of one partition as its owner commits them: "LMDB follows the log". Invariant:
 * it only ever folds what is on the log, and nothing any more once it was stopped or has failed.
 */
import { Fault, isFault } from '#protocol/fault.ts'
import { subjects } from '#protocol/subject.ts'
import type { Store } from '#store/store.ts'
import { type Base, takeNewerBases } from '#runtime/trimming/bases.ts'
import type { Bus, LogEntry, Reading } from '#runtime/bus.ts'
import type { Clock } from '#runtime/clock.ts'
import { type HoldOptions, holdingOf } from '#runtime/mending/holding.ts'
import { type Refold, refoldOf } from '#runtime/partition/refold.ts'
import type { Kinds } from '#runtime/partition/residents.ts'

export type FollowOptions = HoldOptions & {
  readonly clientKeepMs: number
  readonly clientsMost: number
  readonly foldMs: number
  /** It has stopped, and must begin again. */
  readonly onBroken: (error: unknown) => void
}

export type FollowWorld = {
  readonly bus: Bus
  readonly store: Store
  readonly clock: Clock
  readonly kinds: Kinds
  /** Resolves when what this node committed as an owner is in the store. */
  readonly flush: () => Promise<void>
  /** The bases that are there. */
  readonly newest: () => Promise<ReadonlyMap<number, Base>>
}

export type Following = {
  readonly refold: Refold
  /** What was on the log when it was opened is in the store, or it is over. */
  readonly caughtUp: Promise<void>
  stop(): Promise<void>
}

/** Records that may wait for one before them: the two readings do not go in step. */
const earlyMost = 20_000
/** A transaction of so many is short, and whatever is more urgent waits for no more than a few of them. */
const gatheredMost = 500

/** What has not come for so long, while later ones have, is not on the log any more. */
const gapMs = 5000

const leavingMost = 2

/** Both places where records stand, from where the store is. */
export async function followRecords(
  { bus, store, clock, kinds, flush, newest }: FollowWorld,
  partition: number,
  options: FollowOptions,
): Promise<Following> {
  // Of a partition that was just lost the last commits may be on their way; read again they would be folded twice.
  await flush()
  await takeNewerBases({ bus, store }, [partition], { listed: newest })
  const refold = refoldOf({ store, kinds }, new Set([partition]), {
    ...options,
    earlyMost,
    holding: holdingOf(clock, options),
  })
  const from = (refold.position(partition)?.seq ?? 0) + 1
  const readings: Reading[] = []
  let alarm: { cancel(): void } | undefined
  let gap: { cancel(): void } | undefined
  let folding: Promise<unknown> = Promise.resolve()
  /** Of each reading, the last entry that was there when it began; those that have not come yet. */
  const ends = new Set<number>()
  const caughtUp = Promise.withResolvers<void>()
  const noteEnd = (): void => {
    if (ends.size > 0) return
    fold()
    const done = (): void => caughtUp.resolve()
    folding.then(done, done)
  }
  let isOpen = false
  let isOver = false
  let broken: { readonly error: unknown } | undefined
  let ending: Promise<void> | undefined

  function fail(error: unknown): void {
    if (isOver) return
    broken = { error }
    void stop()
    if (isOpen) options.onBroken(error)
  }

  function fold(): void {
    alarm?.cancel()
    alarm = undefined
    if (refold.gathered === 0) return
    const folded = refold.fold()
    // Reading waits for the store.
    if (refold.leaving >= leavingMost) for (const one of readings) one.pause()
    folding = Promise.all([folding, folded]).then(() => {
      if (refold.leaving < leavingMost) for (const one of readings) one.resume()
    })
    folding.catch(fail)
  }

  /** The two readings do not go in step, so one that is missing may still come; but not for ever. */
  function watchGap(): void {
    if (gap !== undefined || refold.early(partition) === 0) return
    const n = refold.position(partition)?.n ?? 0
    gap = clock.at(clock.now() + gapMs, () => {
      gap = undefined
      const isStuck = refold.early(partition) > 0 && refold.position(partition)?.n === n
      if (isStuck) fail(new Fault('log.gap', { partition, want: n + 1, have: 'later ones' }))
      else watchGap()
    })
  }

  const stop = (): Promise<void> => (ending ??= end())

  async function end(): Promise<void> {
    isOver = true
    caughtUp.resolve()
    alarm?.cancel()
    gap?.cancel()
    await Promise.all(readings.map((one) => one.stop()))
    fold()
    await folding.catch(() => undefined)
  }

  function onEntry(entry: LogEntry): void {
    if (isOver) return
    try {
      refold.take(entry)
      watchGap()
      if (refold.gathered >= gatheredMost) fold()
      else if (refold.gathered > 0) alarm ??= clock.at(clock.now() + options.foldMs, fold)
    } catch (error) {
      // What it lacks was trimmed, or its store was dropped: it begins again from a base.
      fail(isFault(error) ? error : new Error(`partition ${partition} cannot be followed`, { cause: error }))
    }
  }

  const filters = [subjects.commit(bus.realm, partition), subjects.sentBy(bus.realm, partition)]
  const opening = filters.map(async (filter) => {
    const end = (await bus.lastMatching(filter)) ?? 0
    if (end >= from) ends.add(end)
    const reading = await bus.read({
      filter,
      from,
      onEntry(entry) {
        onEntry(entry)
        if (entry.seq >= end && ends.delete(end) && isOpen) noteEnd()
      },
    })
    readings.push(reading)
    if (isOver) await reading.stop()
  })
  for (const outcome of await Promise.allSettled(opening)) if (outcome.status === 'rejected') fail(outcome.reason)
  if (broken !== undefined) {
    // One that goes on alone would fold what the next attempt folds as well.
    await stop()
    throw broken.error
  }
  isOpen = true
  noteEnd()
  return { refold, caughtUp: caughtUp.promise, stop }
}
