/**
 * Which nodes may own which partition, by the versions and kinds they carry. Every node computes
 * the same from the same registry and members. Invariants: two versions of a kind never serve one
 * partition by turns; the partitions of a share are a fixed row, so a larger share holds every
 * partition of a smaller one; who may not own a partition is told why.
 */
import type { Heartbeat } from '#protocol/heartbeat.ts'
import { chance } from './chance.ts'
import type { KindEntry } from './kind-entry.ts'
import { type Carriers, wayBack } from './rollout.ts'

type Carrying = Pick<Heartbeat, 'name' | 'phase' | 'capacity' | 'kinds' | 'owned'>

export type Requirements = {
  /** Whether this node can serve that partition. */
  fits(name: string, partition: number): boolean
  /** Whether it can go on with the states as they stand now, whoever had them before. */
  mayServe(name: string, partition: number): boolean
  /** Why no node can serve it that is there. */
  reason(partition: number): string | undefined
}

/** The partitions that need the new version: the nearest whole number of them, one at least. */
export function movedOf(kind: string, share: number, partitions: number): ReadonlySet<number> {
  if (share <= 0) return new Set()
  const row = Array.from({ length: partitions }, (_, partition) => partition)
  if (share >= 1) return new Set(row)
  const rank = row.map((partition) => chance(`${kind}#${partition}`))
  row.sort((a, b) => (rank[a] as number) - (rank[b] as number) || a - b)
  return new Set(row.slice(0, Math.max(1, Math.round(share * partitions))))
}

export function carriersOf(kind: string, nodes: readonly Carrying[]): Carriers {
  const carriers = new Map<number, number>()
  for (const { phase, capacity, kinds } of nodes) {
    if (phase !== 'ready' || capacity <= 0) continue
    for (const [one, version] of kinds) {
      if (one === kind) carriers.set(version, (carriers.get(version) ?? 0) + capacity)
    }
  }
  return carriers
}

/** Of one kind: the versions that may own a partition, those that may go on from its states, and whether nobody else. */
type Need = {
  readonly kind: string
  wanted(partition: number): number | undefined
  /** Which version made the states that stand there. */
  stands(partition: number): number | undefined
  isAllowed(version: number, required: number): boolean
  readonly needed: ReadonlySet<number>
}

export function requirementsOf(
  entries: readonly KindEntry[],
  nodes: readonly Carrying[],
  partitions: number,
): Requirements {
  const needs = entries.map((entry) => needOf(entry, nodes, partitions))
  const versions = new Map(nodes.map(({ name, kinds }) => [name, new Map(kinds.map(([kind, one]) => [kind, one]))]))

  function isFit(name: string, partition: number, by: (need: Need) => number | undefined): boolean {
    const carried = versions.get(name)
    return needs.every((need) => {
      const version = carried?.get(need.kind)
      if (version === undefined) return !need.needed.has(partition)
      const required = by(need)
      return required === undefined || need.isAllowed(version, required)
    })
  }

  function fits(name: string, partition: number): boolean {
    return isFit(name, partition, (need) => need.wanted(partition))
  }

  return {
    fits,
    mayServe: (name, partition) => isFit(name, partition, (need) => need.stands(partition)),
    reason(partition) {
      const ready = nodes.filter(({ phase, capacity }) => phase === 'ready' && capacity > 0)
      if (ready.some(({ name }) => fits(name, partition))) return undefined
      const lacking = needs.flatMap((need) => {
        const required = need.wanted(partition)
        const canServe = ready.some(({ name }) => {
          const version = versions.get(name)?.get(need.kind)
          return version === undefined
            ? !need.needed.has(partition)
            : required === undefined || need.isAllowed(version, required)
        })
        return canServe ? [] : [required === undefined ? need.kind : `${need.kind} version ${required}`]
      })
      return lacking.length > 0
        ? `no node that is there carries ${lacking.join(' and ')}`
        : 'no node that is there carries everything it needs at once'
    },
  }
}

function needOf(entry: KindEntry, nodes: readonly Carrying[], partitions: number): Need {
  const { kind, rollout } = entry
  const needed = new Set(entry.needed)
  if (rollout === undefined)
    return { kind, wanted: () => undefined, stands: () => undefined, isAllowed: () => true, needed }
  const { from, to, share, state } = rollout
  const moved = movedOf(kind, share, partitions)
  const back = new Set(rollout.back)
  const carriers = carriersOf(kind, nodes)
  // The states of the new version are not lost when its last node is: the old one reads them as they are.
  const canFallBack = !carriers.has(to) && wayBack(entry, from, to).is === 'as they are'
  const owned = new Set(
    nodes.flatMap(({ kinds, owned: all }) =>
      kinds.some(([one, version]) => one === kind && version === to) ? all.map(([partition]) => partition) : [],
    ),
  )
  const stands = (partition: number): number => (moved.has(partition) && !back.has(partition) ? to : from)
  return {
    kind,
    needed,
    stands,
    // While it is undone: whoever has the steps down owns it until they are done, and hands it on then.
    wanted: (partition) => (state === 'undoing' && owned.has(partition) ? from : stands(partition)),
    isAllowed: (version, required) => version === required || (canFallBack && required === to && version === from),
  }
}

const none: ReadonlySet<string> = new Set()

/** Kinds that others carry and the first of these nodes does not. */
export function lackingOf(
  [self, ...others]: readonly Carrying[],
  own: ReadonlyMap<string, unknown>,
  entries: readonly KindEntry[],
): ReadonlySet<string> {
  let found: Set<string> | undefined
  for (const { phase, capacity, kinds } of others) {
    if (phase !== 'ready' || capacity <= 0 || self === undefined) continue
    for (const [kind] of kinds)
      if (!own.has(kind) && entries.some((entry) => entry.kind === kind)) (found ??= new Set()).add(kind)
  }
  return found ?? none
}

/** All of the nodes that it depends on, as a text; who owns what matters only while something is undone. */
export function viewOf(nodes: readonly Carrying[], entries: readonly KindEntry[]): string {
  const isUndoing = entries.some(({ rollout }) => rollout?.state === 'undoing')
  return nodes
    .map(({ name, phase, capacity, kinds, owned }) =>
      [name, phase, capacity, kinds.join(' '), isUndoing ? owned.map(([partition]) => partition).join(' ') : ''].join(),
    )
    .toSorted()
    .join('|')
}
