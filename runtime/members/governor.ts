/**
 * Brings this node to what is its duty: follows, claims, hands over, one change of view after the
 * other. Invariant: it acts on what is so now, never on a list made before it waited; whatever
 * fails is looked at again.
 */
import { storedFaultOf } from '#protocol/fault.ts'
import type { Heartbeat } from '#protocol/heartbeat.ts'
import type { Clock } from '#runtime/clock.ts'
import { dutiesOf, type Situation } from '#runtime/core/duties.ts'
import { type Placement, type PlacementOptions, placementOf } from '#runtime/core/placement.ts'
import { trace } from '#runtime/trace.ts'

export type GovernorOptions = PlacementOptions & {
  /** Hand-overs at a time: each is a pause for its partition, and work for the one who takes it. */
  readonly handOversMost: number
  /** Partitions that are claimed at a time. */
  readonly claimsMost: number
  readonly retryMs: number
}

export type Governor = {
  /** The first round, whose failure is the caller's. */
  begin(): Promise<void>
  /** Something changed. */
  consider(): void
  stop(): Promise<void>
}

type World = {
  readonly clock: Clock
  readonly view: () => { readonly self: Heartbeat; readonly others: readonly Heartbeat[] }
  readonly mayClaim: (partition: number) => boolean
  readonly follow: (partitions: ReadonlySet<number>) => Promise<void>
  readonly takeOver: (partitions: readonly number[]) => Promise<void>
  readonly release: (partition: number, to: string) => Promise<void>
  /** What each partition asks of its owner; nothing while every node can carry everything. */
  readonly requirements: () => { readonly key: string; readonly fits: NonNullable<Situation['fits']> } | undefined
  /** Whether nothing has to be done before a partition goes to that node. */
  readonly mayGive: (partition: number, to: string) => boolean
}

export function governorOf(world: World, options: GovernorOptions): Governor {
  const { clock } = world
  let running: Promise<void> | undefined
  let isStale = false
  let isBegun = false
  let isOver = false
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

  /** Whether there may be more to do at once. */
  async function act(): Promise<boolean> {
    const { self, others } = world.view()
    const placement = placementFor([self, ...others])
    const duties = dutiesOf({ self, others, placement, fits: world.requirements()?.fits })
    const claim = duties.claim.filter(world.mayClaim).slice(0, options.claimsMost)
    const givable = duties.handOver.filter(({ partition, to }) => world.mayGive(partition, to))
    const handOver = givable.slice(0, options.handOversMost)
    await world.follow(new Set(duties.follow))
    if (claim.length > 0) await world.takeOver(claim)
    await Promise.all(handOver.map(({ partition, to }) => world.release(partition, to)))
    return claim.length > 0 || handOver.length > 0
  }

  async function actOn(): Promise<void> {
    while (isStale && !isOver) {
      isStale = false
      if (await act()) isStale = true
    }
  }

  function consider(): void {
    isStale = true
    if (!isBegun || isOver || running !== undefined) return
    running = actOn()
      .catch((error: unknown) => {
        trace({ is: 'duty.failed', fault: storedFaultOf(error) })
        isStale = false
        alarm?.cancel()
        alarm = clock.at(clock.now() + options.retryMs, consider)
      })
      .finally(() => {
        running = undefined
        if (isStale && !isOver) consider()
      })
  }

  return {
    async begin() {
      isStale = true
      await actOn()
      isBegun = true
    },
    consider,
    async stop() {
      isOver = true
      alarm?.cancel()
      await running
    },
  }
}
