/**
 * What a node has to do about partitions, given who is there: claim, follow, hand over. Pure.
 * Invariants: nobody claims what a living node owns, nor anything while one of them mends the log, and a partition is given away only to a node
 * whose fold is close to the log's end, so that a hand-over is short and a wrong view costs a
 * detour and never a fight.
 */
import type { Heartbeat } from '#protocol/heartbeat.ts'
import type { Placement } from './placement.ts'

export type Duties = {
  readonly claim: readonly number[]
  readonly follow: readonly number[]
  readonly handOver: readonly { readonly partition: number; readonly to: string }[]
}

export type Situation = {
  readonly self: Heartbeat
  /** Those that live, without oneself. */
  readonly others: readonly Heartbeat[]
  readonly placement: Placement
  /** Whether this node can carry that partition at all; by default every one can. */
  readonly fits?: ((name: string, partition: number) => boolean) | undefined
}

export function dutiesOf({ self, others, placement, fits = () => true }: Situation): Duties {
  const claim: number[] = []
  const follow: number[] = []
  const handOver: { partition: number; to: string }[] = []
  if ([self, ...others].some(({ phase }) => phase === 'mending')) return { claim, follow, handOver }
  const owners = ownersOf([self, ...others])
  const close = closeTo([self, ...others])
  const followed = new Set(self.followed.map(([partition]) => partition))
  for (const [partition, wanted] of placement.owners.entries()) {
    const owner = owners.get(partition)
    const ready = (close.get(partition) ?? []).filter((name) => fits(name, partition))
    const meant = [wanted, ...(placement.standbys[partition] ?? [])]
    if (owner === self.name) {
      if (wanted !== undefined && wanted !== self.name && ready.includes(wanted))
        handOver.push({ partition, to: wanted })
    } else if (owner === undefined && heirOf(wanted, ready) === self.name) {
      claim.push(partition)
    } else if (
      meant.includes(self.name) ||
      (followed.has(partition) && !meant.every((name) => isServed(name, owner, ready)))
    ) {
      follow.push(partition)
    }
  }
  return { claim, follow, handOver }
}

/** The one it is meant for, unless it would have to read long and another would not. */
function heirOf(wanted: string | undefined, ready: readonly string[]): string | undefined {
  return wanted === undefined || ready.includes(wanted) ? wanted : (ready[0] ?? wanted)
}

/** Whoever leaves a place in the row first waits until the next has filled it. */
function isServed(name: string | undefined, owner: string | undefined, ready: readonly string[]): boolean {
  return name === undefined || name === owner || ready.includes(name)
}

/** Of several who say so, the one with the highest epoch. */
export function ownersOf(nodes: readonly Heartbeat[]): Map<number, string> {
  const owners = new Map<number, string>()
  const epochs = new Map<number, number>()
  for (const { name, owned } of nodes) {
    for (const [partition, epoch] of owned) {
      if (epoch <= (epochs.get(partition) ?? -1)) continue
      epochs.set(partition, epoch)
      owners.set(partition, name)
    }
  }
  return owners
}

/** Who has folded a partition up to about the log's end; in one order everywhere. */
function closeTo(nodes: readonly Heartbeat[]): Map<number, string[]> {
  const close = new Map<number, string[]>()
  for (const { name, followed, phase } of nodes) {
    if (phase !== 'ready') continue
    for (const [partition, , isClose] of followed) {
      if (isClose) close.set(partition, [...(close.get(partition) ?? []), name].sort())
    }
  }
  return close
}
