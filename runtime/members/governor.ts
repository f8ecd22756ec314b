/**
 * Brings this node to what is its duty: follows, claims, hands over. Invariants: it acts on what is
 * so now; one change of a partition at a time, and none of them waits for another partition's;
 * whatever fails is looked at again.
 */
import { storedFaultOf } from '#protocol/fault.ts'
import type { Heartbeat } from '#protocol/heartbeat.ts'
import type { Clock } from '#runtime/clock.ts'
import { type Duties, dutiesOf, ownersOf, type Situation } from '#runtime/core/duties.ts'
import { type Placement, type PlacementOptions, placementOf } from '#runtime/core/placement.ts'
import { trace } from '#runtime/trace.ts'

export type GovernorOptions = PlacementOptions & {
  /** Hand-overs at a time: each is a pause for its partition, and work for the one who takes it. */
  readonly handOversMost: number
  /** Partitions that are claimed at a time. */
  readonly claimsMost: number
  readonly retryMs: number
  /** What was given and nobody has taken for so long holds up no other hand-over. */
  readonly deadMs: number
}

export type Governor = {
  /** Claims what there is to claim; the first failure is the caller's. */
  begin(): Promise<void>
  /** Something changed. */
  consider(): void
  stop(): Promise<void>
}

type World = {
  readonly clock: Clock
  readonly view: () => { readonly self: Heartbeat; readonly others: readonly Heartbeat[] }
  readonly mayClaim: (partition: number) => boolean
  /** Begins to follow these and leaves all others, but for those that are being changed. */
  readonly follow: (partitions: ReadonlySet<number>, changing: ReadonlySet<number>) => void
  /** What becomes of each. */
  readonly takeOver: (partitions: readonly number[]) => ReadonlyMap<number, Promise<void>>
  readonly release: (partition: number, to: string) => Promise<void>
  /** What each partition asks of its owner; nothing while every node can carry everything. */
  readonly requirements: () => { readonly key: string; readonly fits: NonNullable<Situation['fits']> } | undefined
  /** Whether nothing has to be done before a partition goes to that node. */
  readonly mayGive: (partition: number, to: string) => boolean
}

export function governorOf(world: World, options: GovernorOptions): Governor {
  const { clock } = world
  const claiming = new Map<number, Promise<void>>()
  const giving = new Map<number, Promise<void>>()
  /** Let go and not served yet; until when they count as a hand-over. */
  const given = new Map<number, number>()
  /** Those that could be given away, and since when. */
  const due = new Map<number, number>()
  /** Whose change failed, and until when they rest. */
  const resting = new Map<number, number>()
  /** While it begins, what failed is not tried again here. */
  let beginning: { failure?: unknown } | undefined
  let isBegun = false
  let isOver = false
  let isActing = false
  let isStale = false
  let alarm: { cancel(): void } | undefined
  let placed: { readonly key: string; readonly placement: Placement } | undefined

  /** Heartbeats come all the time, and candidates seldom change. */
  function placementFor(nodes: readonly Heartbeat[]): Placement {
    const candidates = nodes.filter(({ phase }) => phase === 'ready')
    const required = world.requirements()
    const key = candidates
      .map(({ name, capacity }) => `${name} ${capacity}`)
      .toSorted((a, b) => (a < b ? -1 : 1))
      .concat(required?.key ?? '')
      .join()
    if (placed?.key !== key) placed = { key, placement: placementOf(candidates, { ...options, fits: required?.fits }) }
    return placed.placement
  }

  const isFree = (partition: number): boolean =>
    !claiming.has(partition) && !giving.has(partition) && !resting.has(partition)

  function act(): void {
    const { self, others } = world.view()
    const placement = placementFor([self, ...others])
    const duties = dutiesOf({ self, others, placement, fits: world.requirements()?.fits })
    forgetPast(ownersOf([self, ...others]), new Set(others.flatMap(({ opening = [] }) => opening)))
    claim(duties.claim)
    handOver(duties.handOver, new Set(others.flatMap((one) => (one.isCatchingUp === true ? [one.name] : []))))
    world.follow(new Set(duties.follow), new Set([...claiming.keys(), ...giving.keys(), ...duties.claim]))
  }

  function claim(partitions: readonly number[]): void {
    const free = partitions.filter((one) => isFree(one) && world.mayClaim(one))
    const taken = free.slice(0, Math.max(0, options.claimsMost - claiming.size))
    if (taken.length === 0) return
    for (const [partition, outcome] of world.takeOver(taken)) watch(partition, outcome, claiming)
  }

  /** No more at a time than the others can take: what was let go counts until somebody serves it. */
  function handOver(wanted: Duties['handOver'], catchingUp: ReadonlySet<string>): void {
    const now = clock.now()
    const isWanted = new Set(wanted.map(({ partition }) => partition))
    for (const partition of due.keys()) if (!isWanted.has(partition)) due.delete(partition)
    for (const { partition } of wanted) due.set(partition, due.get(partition) ?? now)
    for (const { partition, to } of wanted) {
      if (giving.size + given.size >= options.handOversMost) return
      if (!isFree(partition) || !world.mayGive(partition, to)) continue
      if (catchingUp.has(to) && now < (due.get(partition) ?? now) + catchUpMostMs) continue
      const letGo = world.release(partition, to)
      const outcome = letGo.then(() => void given.set(partition, clock.now() + options.deadMs))
      watch(partition, outcome, giving)
    }
  }

  function forgetPast(owners: ReadonlyMap<number, string>, opening: ReadonlySet<number>): void {
    const now = clock.now()
    const isServed = (partition: number): boolean => owners.has(partition) && !opening.has(partition)
    for (const [partition, until] of given) if (isServed(partition) || until <= now) given.delete(partition)
    for (const [partition, until] of resting) if (until <= now) resting.delete(partition)
  }

  function watch(partition: number, outcome: Promise<void>, among: Map<number, Promise<void>>): void {
    const ended = outcome
      .catch((error: unknown) => fail(error, partition))
      .then(() => {
        among.delete(partition)
        consider()
      })
    among.set(partition, ended)
  }

  function fail(error: unknown, partition: number): void {
    if (isOver) return
    if (beginning !== undefined) {
      beginning.failure ??= error
      isBegun = false
      return
    }
    // What made one fail mostly makes all fail, and is told once.
    if (resting.size === 0) trace({ is: 'duty.failed', fault: storedFaultOf(error) })
    resting.set(partition, clock.now() + options.retryMs)
  }

  function consider(): void {
    isStale = true
    if (!isBegun || isOver || isActing) return
    isActing = true
    while (isStale) {
      isStale = false
      try {
        act()
      } catch (error) {
        fail(error, nowhere)
      }
    }
    isActing = false
    wake()
  }

  /** When the first of those that rest, or were given to somebody who did not take them, is due again. */
  function wake(): void {
    alarm?.cancel()
    const waiting = [...due.values()].map((since) => since + catchUpMostMs).filter((until) => until > clock.now())
    const next = Math.min(...resting.values(), ...given.values(), ...waiting)
    alarm = Number.isFinite(next) ? clock.at(next, consider) : undefined
  }

  return {
    async begin() {
      isBegun = true
      const mine: { failure?: unknown } = {}
      beginning = mine
      consider()
      while (claiming.size > 0 && mine.failure === undefined) await Promise.race(claiming.values())
      beginning = undefined
      if (mine.failure !== undefined) throw mine.failure
    },
    consider,
    async stop() {
      isOver = true
      alarm?.cancel()
      await Promise.all([...claiming.values(), ...giving.values()])
    },
  }
}

/** A node that still reads what was before it is waited for so long: it would open slowly, but there may be no end of it. */
export const catchUpMostMs = 5_000
/** What failed was of no single partition. */
const nowhere = -1
