/**
 * Stands by for partitions that others own: folds their records as they happen, so that a
 * take-over needs no reading. Invariant: it only ever folds what is on the log, and has stopped
 * doing so for a partition before this node claims it.
 */
import { isFault, storedFaultOf } from '#protocol/fault.ts'
import { subjects } from '#protocol/subject.ts'
import type { Store } from '#store/store.ts'
import { takeNewerBases } from './bases.ts'
import type { Bus, Reading } from './bus.ts'
import type { Clock } from './clock.ts'
import { type Refold, refoldOf } from './refold.ts'
import type { Kinds } from './residents.ts'
import { trace } from './trace.ts'

export type FollowerOptions = {
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

type World = { readonly bus: Bus; readonly store: Store; readonly clock: Clock; readonly kinds: Kinds }

type Followed = {
  readonly refold: Refold | undefined
  stop(): Promise<void>
}

/** Records that may wait for one before them: the two readings do not go in step. */
const earlyMost = 20_000
const gatheredMost = 2000
const leavingMost = 4

export function followerOf(world: World, options: FollowerOptions): Follower {
  const { store, clock } = world
  const followed = new Map<number, Followed>()
  let changing = Promise.resolve()

  async function begin(partition: number): Promise<void> {
    let retry: { cancel(): void } | undefined
    const state: { refold: Refold | undefined; stop: () => Promise<void> } = {
      refold: undefined,
      stop: async () => retry?.cancel(),
    }
    followed.set(partition, state)
    const again = (error: unknown): void => {
      if (followed.get(partition) !== state) return
      trace({ is: 'follow.failed', partition, fault: storedFaultOf(error) })
      retry = clock.at(clock.now() + options.retryMs * 10, () => {
        if (followed.get(partition) === state) void begin(partition)
      })
    }
    try {
      const opened = await follow(world, partition, { ...options, onBroken: again })
      state.refold = opened.refold
      state.stop = async () => {
        retry?.cancel()
        await opened.stop()
      }
      if (followed.get(partition) !== state) await state.stop()
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
  { bus, store, clock, kinds }: World,
  partition: number,
  options: FollowOptions,
): Promise<{ readonly refold: Refold; stop(): Promise<void> }> {
  await takeNewerBases({ bus, store }, [partition])
  const refold = refoldOf({ store, kinds }, new Set([partition]), { ...options, earlyMost })
  const from = (refold.position(partition)?.seq ?? 0) + 1
  const readings: Reading[] = []
  let alarm: { cancel(): void } | undefined
  let folding: Promise<unknown> = Promise.resolve()
  let isOver = false

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

  async function stop(): Promise<void> {
    if (isOver) return
    isOver = true
    alarm?.cancel()
    await Promise.all(readings.map((one) => one.stop()))
    fold()
    await folding.catch(() => undefined)
  }

  for (const filter of [subjects.commit(bus.realm, partition), subjects.sentBy(bus.realm, partition)]) {
    const reading = await bus.read({
      filter,
      from,
      onEntry(entry) {
        if (isOver) return
        try {
          refold.take(entry)
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
  return { refold, stop }
}
