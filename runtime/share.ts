/**
 * This node's share of the partitions: it joins the others, takes what is meant for it, stands by
 * for what may become so, and gives away what is meant for another. It serves the clause of the
 * claim. Invariants: what it owns it says; what it lost it does not claim before it could have
 * heard who took it. Without heartbeats it is alone and takes everything.
 */
import { isFault } from '#protocol/fault.ts'
import type { Heartbeat, NodePhase, OwnedPartition } from '#protocol/heartbeat.ts'
import type { Bus } from './bus.ts'
import type { Clock } from './clock.ts'
import type { Blueprint } from './core/blueprint.ts'
import type { Follower } from './follower.ts'
import { governorOf } from './governor.ts'
import { joinRealm, type Membership, type MembershipOptions, type Said } from './membership.ts'
import type { Owners } from './owners.ts'

export type ShareOptions = MembershipOptions & {
  /** Who takes over without reading; the first of them is the next owner. */
  readonly standbys: number
  readonly capacity: number
  readonly labels: readonly string[]
  readonly release: string
  readonly handOversMost: number
  readonly claimsMost: number
  readonly retryMs: number
}

export type Share = {
  /** Joins and takes what nobody has; resolves when that is done. */
  begin(): Promise<void>
  self(): Heartbeat
  others(): readonly Heartbeat[]
  /** A partition is not ours any more. */
  lost(number: number, error: unknown): void
  /** Gives everything to the others, as far as there are any who can take it. */
  giveAway(until: number): Promise<void>
  /** The last word. */
  end(): Promise<void>
}

type World = {
  readonly bus: Bus
  readonly clock: Clock
  readonly kinds: ReadonlyMap<string, Blueprint>
  readonly owners: Owners
  readonly follower: Follower
  readonly load: () => Heartbeat['load']
  /** Nothing is left that this node could do. */
  readonly onFailed: (error: Error) => void
}

/** A fold that is so few records behind is at the log's end, as far as heartbeats tell. */
const closeRecords = 1000

export function shareOf(world: World, options: ShareOptions): Share {
  const { bus, clock, kinds, owners, follower } = world
  const isAlone = options.beatMs === 0
  /** Partitions that must not be claimed before that instant. */
  const held = new Map<number, number>()
  const alarms = new Set<{ cancel(): void }>()
  /** The last record of each partition that its owner told of. */
  const told = new Map<number, number>()
  const empty: (() => void)[] = []
  let phase: NodePhase = 'joining'
  let membership: Membership | undefined
  const own = { name: options.name, life: '', since: clock.now(), beat: 0 }

  const governor = governorOf(
    {
      clock,
      view: () => ({ self: self(), others: others() }),
      mayClaim: (partition) => (held.get(partition) ?? 0) <= clock.now(),
      follow: (partitions) => follower.set(partitions),
      async takeOver(numbers) {
        await owners.takeOver(numbers)
        membership?.announce()
      },
      async release(number) {
        await owners.release(number)
        membership?.announce()
        settleEmpty()
      },
    },
    { ...options, partitions: bus.realm.partitions },
  )

  function say(): Said {
    const { capacity, labels, release } = options
    return {
      phase,
      capacity,
      labels,
      kinds: [...kinds.values()].map(({ kind, version, hash }) => [kind, version, hash] as const),
      owned: [...owners.partitions.values()].map(({ partition, position, depth }): OwnedPartition => [
        partition,
        position.epoch,
        position.n,
        depth.queued,
      ]),
      followed: [...follower.positions()].map(([partition, n]) => [
        partition,
        n,
        n + closeRecords >= (told.get(partition) ?? Number.POSITIVE_INFINITY),
      ]),
      load: world.load(),
      release,
    }
  }

  function self(): Heartbeat {
    return membership?.self() ?? { ...own, ...say() }
  }

  function others(): readonly Heartbeat[] {
    return membership?.others() ?? []
  }

  function onChange(): void {
    for (const { owned } of others()) for (const [partition, , n] of owned) told.set(partition, n)
    settleEmpty()
    governor.consider()
  }

  function considerAt(instant: number): void {
    const alarm = clock.at(instant, () => {
      alarms.delete(alarm)
      governor.consider()
    })
    alarms.add(alarm)
  }

  /** Nobody can take what is left, or nothing is. */
  function settleEmpty(): void {
    const canTake = others().some((one) => one.phase === 'ready')
    if (owners.partitions.size === 0 || !canTake) for (const wake of empty.splice(0)) wake()
  }

  return {
    async begin() {
      phase = 'ready'
      if (!isAlone) {
        membership = await joinRealm(
          { bus, clock, say, onChange, onReplaced: (fault) => world.onFailed(fault) },
          options,
        )
        onChange()
      }
      await governor.begin()
    },
    self,
    others,
    lost(number, error) {
      const now = clock.now()
      const isTaken = isFault(error, 'partition.lost')
      const isEnd = isFault(error, 'bus.closed') || isFault(error, 'log.shorter') || (isAlone && isTaken)
      const until = isEnd ? Number.POSITIVE_INFINITY : now + (isTaken ? options.deadMs : options.retryMs * 4)
      held.set(number, until)
      if (Number.isFinite(until)) considerAt(until)
      else if (owners.partitions.size === 0)
        world.onFailed(error instanceof Error ? error : new Error('it has no partition left', { cause: error }))
      membership?.announce()
    },
    async giveAway(until) {
      phase = 'leaving'
      if (membership === undefined) return
      membership.announce()
      governor.consider()
      await new Promise<void>((resolve) => {
        const alarm = clock.at(until, resolve)
        empty.push(() => {
          alarm.cancel()
          resolve()
        })
        settleEmpty()
      })
    },
    async end() {
      phase = 'gone'
      for (const alarm of alarms) alarm.cancel()
      membership?.leave()
      await governor.stop()
    },
  }
}
