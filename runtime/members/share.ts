/**
 * This node's share of the partitions: it joins the others, takes what is meant for it, stands by
 * for what may become so, and gives away what is meant for another. It serves the clause of the
 * claim. Invariants: what it owns it says; what it lost it does not claim before it could have
 * heard who took it. Without heartbeats it is alone and takes everything.
 */
import type { DrainProgress } from '#protocol/drain.ts'
import { type Fault, isFault } from '#protocol/fault.ts'
import type { Heartbeat, NodePhase, Setback } from '#protocol/heartbeat.ts'
import type { Bus } from '#runtime/bus.ts'
import type { Clock } from '#runtime/clock.ts'
import type { Blueprint } from '#runtime/core/blueprint.ts'
import { ownersOf } from '#runtime/core/duties.ts'
import type { Effects } from '#runtime/effects/effects.ts'
import type { Follower } from './follower.ts'
import type { IsolationLimits } from '#runtime/core/isolation.ts'
import { governorOf } from './governor.ts'
import { type Isolation, openIsolation } from './isolation.ts'
import { noLoad } from './load.ts'
import { joinRealm, type Membership, type MembershipOptions, type Said } from './membership.ts'
import { followedBy, ownedBy } from './owned-partitions.ts'
import type { Owners } from './owners.ts'
import type { Rollouts } from '#runtime/rollouts/rollouts.ts'
import { setbacksOf } from './setbacks.ts'
import { isOfAll } from './take-over.ts'
import { trace } from '#runtime/trace.ts'

export type ShareOptions = MembershipOptions &
  IsolationLimits & {
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
  /** Tells the others now what is so. */
  announce(): void
  /** What is meant for whom may have changed. */
  consider(): void
  /** Whether every partition has an owner, here or elsewhere, as far as this node can know. */
  isServed(): boolean
  /** It hears neither the log nor the others, and has let go of everything. */
  readonly isCutOff: boolean
  /** A partition is not ours any more. */
  lost(number: number, error: unknown): void
  /** Gives everything to the others and stays without, telling when it has nothing left; or takes its share again. */
  setAside(onEmpty: (() => void) | undefined): void
  /** The log is being mended: all others let go as well, and nobody claims. */
  setMending(isMending: boolean): void
  progress(): DrainProgress
  /** Partitions that it could not serve, and why. */
  setbacks(): readonly Setback[]
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
  readonly effects: Pick<Effects, 'consider'>
  readonly follower: Follower
  readonly rollouts: Rollouts
  readonly load: () => Heartbeat['load']
  readonly mending: {
    readonly incarnation: number
    /** Before the first claim. */
    open(): Promise<void>
    /** Resolves when the log is whole again. */
    begin(fault: Fault): Promise<void>
    /** One of the others mends the log. */
    onOther(): void
  }
  /** Nothing is left that this node could do. */
  readonly onFailed: (error: Error) => void
}

export function shareOf(world: World, options: ShareOptions): Share {
  const { bus, clock, kinds, owners, follower, rollouts } = world
  const isAlone = options.beatMs === 0
  /** The last record of each partition that its owner told of. */
  const told = new Map<number, number>()
  const empty: (() => void)[] = []
  let phaseBefore: NodePhase = 'ready'
  let phase: NodePhase = 'joining'
  let hasBegun = false
  let isEnding = false
  let onAside: (() => void) | undefined
  let membership: Membership | undefined
  let isolation: Isolation | undefined
  /** Back from being cut off, it hears who owns what before it claims anything. */
  let listensUntil = 0
  let listening: { cancel(): void } | undefined
  const own = { name: options.name, life: '', since: clock.now(), beat: 0 }

  const setbacks = setbacksOf({ clock, onDue: () => governor.consider() }, options.deadMs)
  const governor = governorOf(
    {
      clock,
      view: () => ({ self: self(), others: others() }),
      mayClaim: (partition) =>
        isolation?.isCutOff !== true && listensUntil <= clock.now() && setbacks.mayClaim(partition),
      follow(partitions, changing) {
        void follower.set(partitions, changing)
      },
      takeOver: (numbers) =>
        new Map([...owners.takeOver(numbers)].map(([number, outcome]) => [number, taken(number, outcome)])),
      requirements: () => rollouts.requirements(),
      mayGive: (number, to) => rollouts.mayGive(number, to),
      async release(number, to) {
        await owners.release(number, rollouts.beforeGiving(number, to))
        membership?.announce()
        settleEmpty()
      },
    },
    { ...options, partitions: bus.realm.partitions },
  )

  async function taken(number: number, outcome: Promise<void>): Promise<void> {
    try {
      await outcome
      setbacks.succeeded(number)
    } catch (error) {
      // Alone, a node that cannot serve everything says so by not starting.
      if ((isAlone && !hasBegun) || isOfAll(error)) throw error
      setbacks.failed(number, error)
    }
    // That it was claimed was said; that it is served, or is not after all, is news.
    membership?.announce()
  }

  function say(): Said {
    const { capacity, labels, release } = options
    return {
      // What is cut off is not to be given anything.
      phase: isolation?.isCutOff === true && phase === 'ready' ? 'joining' : phase,
      capacity,
      labels,
      kinds: [...kinds.values()].map(({ kind, version, hash }) => [kind, version, hash] as const),
      owned: ownedBy(owners, told),
      // With the last word the store may be closed already.
      followed: phase === 'gone' ? [] : followedBy(follower, told, setbacks.mayClaim),
      load: phase === 'gone' ? noLoad : world.load(),
      release,
      incarnation: world.mending.incarnation,
      setbacks: setbacks.all(),
      unfollowed: follower.failures(),
      isCatchingUp: phase !== 'gone' && follower.isCatchingUp(),
      opening: [...owners.opening.keys()],
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
    world.effects.consider()
    rollouts.consider()
    const { incarnation } = world.mending
    if (others().some((one) => one.phase === 'mending' && (one.incarnation ?? 0) >= incarnation))
      world.mending.onOther()
    governor.consider()
  }

  function onHeard(): void {
    listensUntil = clock.now() + options.suspectMs
    membership?.announce()
    listening = clock.at(listensUntil, () => governor.consider())
  }

  function canGive(): boolean {
    return others().some((one) => one.phase === 'ready' && one.capacity > 0)
  }

  /** Nobody can take what is left, or nothing is. */
  function settleEmpty(): void {
    const isEmpty = owners.partitions.size === 0
    if (isEmpty || !canGive()) for (const wake of empty.splice(0)) wake()
    if (isEmpty) onAside?.()
  }

  return {
    announce: () => membership?.announce(),
    async begin() {
      phase = 'ready'
      if (!isAlone) {
        membership = await joinRealm(
          { bus, clock, say, onChange, onReplaced: (fault) => world.onFailed(fault) },
          options,
        )
        onChange()
        const { heardAt } = membership
        const company = () => ({ isThere: others().length > 0, heardAt: heardAt() })
        isolation = openIsolation({ bus, clock, company, owners, onHeard }, options)
      }
      await rollouts.begin()
      await world.mending.open()
      for (;;) {
        try {
          await governor.begin()
          hasBegun = true
          return
        } catch (error) {
          // The store is ahead of the log, which is mended from what is held if that is enough.
          if (!isFault(error, 'log.shorter')) throw error
          await world.mending.begin(error)
        }
      }
    },
    setMending(isMending) {
      if (isMending && phase !== 'mending') phaseBefore = phase
      phase = isMending ? 'mending' : phaseBefore
      membership?.announce()
      governor.consider()
    },
    self,
    others,
    consider: () => governor.consider(),
    isServed: () => isolation?.isCutOff !== true && ownersOf([self(), ...others()]).size === bus.realm.partitions,
    get isCutOff() {
      return isolation?.isCutOff === true
    },
    lost(number, error) {
      const now = clock.now()
      const isTaken = isFault(error, 'partition.lost')
      const isEnd = isFault(error, 'bus.closed') || isFault(error, 'log.shorter') || (isAlone && isTaken)
      const until = isEnd ? Number.POSITIVE_INFINITY : now + (isTaken ? options.deadMs : options.retryMs * 4)
      // What fails each time that it is served must not be claimed over and over.
      if (isEnd || isTaken || isOfAll(error)) setbacks.hold(number, until)
      else setbacks.failed(number, error, options.retryMs * 4)
      if (!Number.isFinite(until) && owners.partitions.size === 0)
        world.onFailed(error instanceof Error ? error : new Error('it has no partition left', { cause: error }))
      membership?.announce()
    },
    setAside(onEmpty) {
      if (isEnding) return
      onAside = onEmpty
      phase = onEmpty === undefined ? 'ready' : 'leaving'
      membership?.announce()
      governor.consider()
      settleEmpty()
    },
    setbacks: () => setbacks.all(),
    progress: () => ({ phase, left: owners.partitions.size, canGive: canGive() }),
    async giveAway(until) {
      isEnding = true
      phase = 'leaving'
      if (membership === undefined) return
      membership.announce()
      governor.consider()
      await new Promise<void>((resolve) => {
        const alarm = clock.at(until, () => {
          trace({ is: 'node.late', node: options.name, left: [...owners.partitions.keys()] })
          resolve()
        })
        empty.push(() => {
          alarm.cancel()
          resolve()
        })
        settleEmpty()
      })
    },
    async end() {
      phase = 'gone'
      isolation?.stop()
      setbacks.stop()
      listening?.cancel()
      rollouts.stop()
      membership?.leave()
      await governor.stop()
    },
  }
}
