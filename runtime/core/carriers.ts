/**
 * Which node runs an effect that is bound by label. Every owner computes the same from the same
 * members, so a new owner looks first where the one before had it run. Pure. Invariant: a node
 * gets its share by capacity, and one that comes or goes moves no effect but those it gets or had.
 */
import type { Heartbeat } from '#protocol/heartbeat.ts'
import { chance } from './chance.ts'

export type Need = { readonly label: string; readonly kind: string; readonly version: number }

/** What of a heartbeat decides. */
export type Carrier = Pick<Heartbeat, 'name' | 'life' | 'phase' | 'capacity' | 'labels' | 'kinds'>

/** Those that can run it, the one that is meant first. */
export function carriersFor<T extends Carrier>(id: string, nodes: readonly T[], need: Need): T[] {
  const scores = new Map<T, number>()
  for (const node of nodes) if (isCarrier(node, need)) scores.set(node, scoreOf(node, id))
  return [...scores.keys()].sort(
    (a, b) => (scores.get(b) as number) - (scores.get(a) as number) || (a.name < b.name ? -1 : 1),
  )
}

/** One that owns no partitions by its capacity of 0 is there for its effects, and counts as one core. */
function scoreOf({ name, capacity }: Carrier, id: string): number {
  return -Math.max(1, capacity) / Math.log(chance(`${name}#${id}`))
}

function isCarrier(node: Carrier, { label, kind, version }: Need): boolean {
  return node.phase === 'ready' && node.labels.includes(label) && serves(node, kind, version)
}

function serves({ kinds }: Carrier, kind: string, version: number): boolean {
  return kinds.some(([name, its]) => name === kind && its === version)
}

/** Who is there and why each of them is not the one, for people. */
export function lackOf(nodes: readonly Carrier[], { label, kind, version }: Need): string {
  return nodes
    .map((node) => {
      const labels = node.labels.join(', ') || 'none'
      if (!node.labels.includes(label)) return `${node.name} (labels: ${labels})`
      if (!serves(node, kind, version))
        return `${node.name} (labels: ${labels}; does not serve ${kind} version ${version})`
      return `${node.name} (labels: ${labels}; ${node.phase})`
    })
    .join(', ')
}
