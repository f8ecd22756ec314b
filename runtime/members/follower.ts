/**
 * Stands by for partitions that others own: folds their records as they happen, so that a
 * take-over needs no reading. Invariant: it only ever folds what is on the log, and has stopped
 * doing so for a partition before this node claims it.
 */
import { Fault, isFault, storedFaultOf } from '#protocol/fault.ts'
import { subjects } from '#protocol/subject.ts'
import type { Store } from '#store/store.ts'
import { takeNewerBases } from '#runtime/trimming/bases.ts'
import type { Bus, Reading } from '#runtime/bus.ts'
import type { Clock } from '#runtime/clock.ts'
import { type HoldOptions, holdingOf } from '#runtime/mending/holding.ts'
import { type Refold, refoldOf } from '#runtime/partition/refold.ts'
import type { Kinds } from '#runtime/partition/residents.ts'
import { trace } from '#runtime/trace.ts'

export type FollowerOptions = HoldOptions & {
  readonly clientKeepMs: number
  readonly clientsMost: number
  readonly foldMs: number
  readonly retryMs: number
}

export type Follower = {
  /** Follows these from now on and no others; those that it leaves are folded to where it was. */
  set(partitions: ReadonlySet<number>): Promise<void>
  /** Up to which record each of them was read. */
  positions(): ReadonlyMap<number, number>
  stop(): Promise<void>
}

type World = {
  readonly bus: Bus
  readonly store: Store
  readonly clock: Clock
  readonly kinds: Kinds
  /** Resolves when what this node committed as an owner is in the store. */
  readonly flush: () => Promise<void>
}

type Followed = {
  readonly refold: Refold | undefined
  stop(): Promise<void>
}

/** Records that may wait for one before them: the two readings do not go in step. */
const earlyMost = 20_000
const gatheredMost = 2000

/** What has not come for so long, while later ones have, is not on the log any more. */
const gapMs = 5000

/** The longest pause after a failure; it doubles from one to the next. */
const retryMostMs = 60_000
const leavingMost = 4

export function followerOf(world: World, options: FollowerOptions): Follower {
  const { store, clock } = world
  const followed = new Map<number, Followed>()
  let changing = Promise.resolve()

  async function begin(partition: number, failures = 0): Promise<void> {
    let retry: { cancel(): void } | undefined
    const state: { refold: Refold | undefined; stop: () => Promise<void> } = {
      refold: undefined,
      stop: async () => retry?.cancel(),
    }
    const begunAt = store.partition(partition)?.n ?? 0
    followed.set(partition, state)
    const again = (error: unknown): void => {
      if (followed.get(partition) !== state) return
      // One that got on since it began has not failed again, but anew.
      const count = (store.partition(partition)?.n ?? 0) > begunAt ? 1 : failures + 1
      const pauseMs = Math.min(retryMostMs, options.retryMs * 10 * 2 ** Math.min(count - 1, 20))
      trace({ is: 'follow.failed', partition, fault: storedFaultOf(error), failures: count, retryMs: pauseMs })
      state.refold = undefined
      retry = clock.at(clock.now() + pauseMs, () => {
        if (followed.get(partition) === state) void begin(partition, count)
      })
    }
    try {
      const opening = follow(world, partition, { ...options, onBroken: again })
      // Whoever stops it while it opens waits too: what it folds then would be folded twice.
      state.stop = async () => {
        retry?.cancel()
        await opening.then(
          (opened) => opened.stop(),
          () => undefined,
        )
      }
      const { refold } = await opening
      state.refold = refold
    } catch (error) {
      again(error)
    }
  }

  async function change(wanted: ReadonlySet<number>): Promise<void> {
    for (const [partition, one] of [...followed]) {
      if (wanted.has(partition)) continue
      followed.delete(partition)
      await one.stop()
    }
    await Promise.all([...wanted].flatMap((partition) => (followed.has(partition) ? [] : [begin(partition)])))
  }

  return {
    set(wanted) {
      changing = changing.then(() => change(wanted))
      return changing
    },
    positions: () =>
      new Map(
        [...followed].flatMap(([partition, { refold }]) =>
          refold === undefined ? [] : [[partition, store.partition(partition)?.n ?? 0] as const],
        ),
      ),
    async stop() {
      await this.set(new Set())
    },
  }
}

type FollowOptions = FollowerOptions & { readonly onBroken: (error: unknown) => void }

/** Both places where records stand, from where the store is. */
async function follow(
  { bus, store, clock, kinds, flush }: World,
  partition: number,
  options: FollowOptions,
): Promise<{ readonly refold: Refold; stop(): Promise<void> }> {
  // Of a partition that was just lost the last commits may be on their way; read again they would be folded twice.
  await flush()
  await takeNewerBases({ bus, store }, [partition])
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
  let isOver = false
  let ending: Promise<void> | undefined

  function fail(error: unknown): void {
    if (isOver) return
    void stop()
    options.onBroken(error)
  }

  function fold(): void {
    alarm?.cancel()
    alarm = undefined
    if (refold.gathered === 0) return
    const folded = refold.fold()
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
    alarm?.cancel()
    gap?.cancel()
    await Promise.all(readings.map((one) => one.stop()))
    fold()
    await folding.catch(() => undefined)
  }

  try {
    for (const filter of [subjects.commit(bus.realm, partition), subjects.sentBy(bus.realm, partition)]) {
      const reading = await bus.read({
        filter,
        from,
        onEntry(entry) {
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
        },
      })
      readings.push(reading)
      if (isOver) await reading.stop()
    }
  } catch (error) {
    // One that goes on alone would fold what the next attempt folds as well.
    await stop()
    throw error
  }
  return { refold, stop }
}
