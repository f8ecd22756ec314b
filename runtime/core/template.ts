/**
 * Snapshots of a machine by configuration. It serves the clause "the machine makes a
 * transition": an actor that wakes gets its state nodes from here instead of having XState
 * resolve them anew. Invariant: the order of the nodes is the stored one, because XState asks
 * the regions of a parallel state in that order.
 */
import type { AnyMachineSnapshot, AnyStateNode, StateValue } from 'xstate'
import type { Host } from './host.ts'

/** Configurations that are kept; a machine has few, a hostile one many. */
const mostTemplates = 2000

export function templateOf(host: Host, value: unknown, order: readonly number[] | undefined): AnyMachineSnapshot {
  const key = typeof value === 'string' ? value : `${JSON.stringify(value)}${order?.join() ?? ''}`
  const known = host.templates.get(key)
  if (known !== undefined) return known
  const resolved = host.machine.resolveState({ value: value as StateValue, context: {} } as never) as AnyMachineSnapshot
  const nodes = arranged(
    resolved._nodes,
    order?.map((at) => host.nodes[at]),
  )
  const tags = new Set(nodes.flatMap((node) => node.tags as string[]))
  const template = { ...resolved, _nodes: nodes, value: valueOf(host.machine.root, nodes), tags } as unknown as AnyMachineSnapshot
  if (host.templates.size >= mostTemplates) host.templates.clear()
  host.templates.set(key, template)
  return template
}

/**
 * The stored order, if it still names the active states; else the document's. States that hold
 * others may be missing: XState forgets one when a history in it is entered anew.
 */
function arranged(active: readonly AnyStateNode[], stored: readonly (AnyStateNode | undefined)[] | undefined): AnyStateNode[] {
  const rest = new Set(active)
  if (stored?.every((node) => node !== undefined && rest.delete(node)) === true) {
    if ([...rest].every(({ type }) => type === 'compound' || type === 'parallel')) return stored as AnyStateNode[]
  }
  return [...active].sort((a, b) => a.order - b.order)
}

/** Nothing when all the active states are there in the order of the document. */
export function orderOf(nodes: readonly AnyStateNode[]): number[] | undefined {
  for (let at = 0; at < nodes.length; at++) {
    const { order, parent } = nodes[at] as AnyStateNode
    const isNext = at === 0 ? order === 0 : order > (nodes[at - 1] as AnyStateNode).order && parent !== undefined && nodes.includes(parent)
    if (!isNext) return nodes.map((node) => node.order)
  }
  return undefined
}

/** XState's own derivation of the value, with the regions in the order of the nodes. */
function valueOf(root: AnyStateNode, nodes: readonly AnyStateNode[]): StateValue {
  const all = new Set(nodes)
  for (const node of all) if (node.parent !== undefined) all.add(node.parent)
  const inside = new Map<AnyStateNode | undefined, AnyStateNode[]>()
  for (const node of all) {
    const siblings = inside.get(node.parent)
    if (siblings === undefined) inside.set(node.parent, [node])
    else siblings.push(node)
  }
  const of = (node: AnyStateNode): StateValue => {
    const children = inside.get(node) ?? []
    const [only] = children
    if (node.type === 'compound' && only !== undefined && (only.type === 'atomic' || only.type === 'final')) return only.key
    return Object.fromEntries(children.map((child) => [child.key, of(child)]))
  }
  return of(root)
}

export function nodesNamed(host: Host, ids: readonly string[]): readonly AnyStateNode[] {
  return ids.map((id) => {
    const node = host.nodes.find((one) => one.id === id)
    if (node === undefined) throw new Error(`the state "${id}", which its history remembers, does not exist`)
    return node
  })
}
