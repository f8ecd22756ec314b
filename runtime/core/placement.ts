/**
 * Which node a partition belongs to, and who stands by for it. Every node computes the same from
 * the same members; the claim on the log decides where they differ. Invariants: no node has more
 * than its share of what fits it, rounded up; who stands by first is who would get the partition
 * if its node were not there.
 */

import { chance } from './chance.ts'

export type Candidate = {
  readonly name: string
  /** Relative to the others: twice the capacity is twice the share. */
  readonly capacity: number
}

export type PlacementOptions = {
  readonly partitions: number
  readonly standbys: number
  /** Whether this node can carry that partition at all; by default every one can. */
  readonly fits?: ((name: string, partition: number) => boolean) | undefined
}

export type Placement = {
  /** By partition; nothing where no node fits. */
  readonly owners: readonly (string | undefined)[]
  /** By partition, who takes over first in front. */
  readonly standbys: readonly (readonly string[])[]
}

type Pair = { readonly name: string; readonly partition: number; readonly score: number }

export function placementOf(candidates: readonly Candidate[], options: PlacementOptions): Placement {
  const pairs = rankedPairs(candidates, options)
  const owners = assign(candidates, pairs, options)
  const standbys: string[][] = owners.map(() => [])
  const most = Math.min(options.standbys, candidates.length - 1)
  if (most > 0) addStandbys({ candidates, pairs, options, standbys, most }, owners, new Set())
  return { owners, standbys }
}

type Search = {
  readonly candidates: readonly Candidate[]
  readonly pairs: readonly Pair[]
  readonly options: PlacementOptions
  readonly standbys: string[][]
  readonly most: number
}

/** Takes each owner away in turn and looks who gets what it had; then that one too. */
function addStandbys(search: Search, owners: readonly (string | undefined)[], away: ReadonlySet<string>): void {
  const { candidates, pairs, options, standbys, most } = search
  for (const { name } of candidates) {
    if (away.has(name)) continue
    const mine = owners.flatMap((owner, partition) => (owner === name && isOpen(partition) ? [partition] : []))
    if (mine.length === 0) continue
    const without = new Set([...away, name])
    const left = candidates.filter((one) => !without.has(one.name))
    const next = assign(
      left,
      pairs.filter((pair) => !without.has(pair.name)),
      options,
    )
    for (const partition of mine) {
      const heir = next[partition]
      if (heir !== undefined) standbys[partition]?.push(heir)
    }
    const inherited = next.map((heir, partition) => (mine.includes(partition) ? heir : undefined))
    if (without.size < most) addStandbys(search, inherited, without)
  }

  function isOpen(partition: number): boolean {
    return (standbys[partition]?.length ?? 0) === away.size
  }
}

/** The pairs that are best for each other come first, so that little moves when a node comes or goes. */
function rankedPairs(candidates: readonly Candidate[], { partitions, fits }: PlacementOptions): Pair[] {
  const pairs: Pair[] = []
  for (const { name, capacity } of candidates) {
    if (capacity <= 0) continue
    for (let partition = 0; partition < partitions; partition++) {
      if (fits?.(name, partition) === false) continue
      pairs.push({ name, partition, score: -capacity / Math.log(chance(`${name}#${partition}`)) })
    }
  }
  return pairs.sort((a, b) => b.score - a.score || (a.name < b.name ? -1 : 1) || a.partition - b.partition)
}

/**
 * Rendezvous hashing with a bound: each node takes its best partitions up to its share. What no
 * node with room fits goes to the one that fits best, because a full node is better than none.
 */
function assign(
  candidates: readonly Candidate[],
  pairs: readonly Pair[],
  { partitions }: PlacementOptions,
): (string | undefined)[] {
  const owners: (string | undefined)[] = Array.from({ length: partitions }, () => undefined)
  const all = candidates.reduce((sum, { capacity }) => sum + Math.max(0, capacity), 0)
  const room = new Map(candidates.map(({ name, capacity }) => [name, Math.ceil((partitions * capacity) / all)]))
  for (const { name, partition } of pairs) {
    const left = room.get(name) ?? 0
    if (owners[partition] !== undefined || left <= 0) continue
    owners[partition] = name
    room.set(name, left - 1)
  }
  for (const { name, partition } of pairs) owners[partition] ??= name
  return owners
}
