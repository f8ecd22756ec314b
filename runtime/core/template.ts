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
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  const key = order === undefined ? text : `${text}${order.join()}`
  const known = host.templates.get(key)
  if (known !== undefined) return known
  const resolved = host.machine.resolveState({ value: value as StateValue, context: {} }) as AnyMachineSnapshot
  const active = new Set(resolved._nodes as readonly AnyStateNode[])
  const nodes =
    order === undefined
      ? [...active].sort((a, b) => a.order - b.order)
      : order.map((at) => host.nodes[at] as AnyStateNode)
  const whole = nodes.length === active.size && nodes.every((node) => active.has(node))
  const template = {
    ...resolved,
    _nodes: nodes,
    value: whole ? valueOf(host.machine.root, nodes) : value,
    tags: new Set(nodes.flatMap((node) => node.tags as readonly string[])),
  } as unknown as AnyMachineSnapshot
  if (host.templates.size >= mostTemplates) host.templates.clear()
  host.templates.set(key, template)
  return template
}

/**
 * Nothing when the active states are whole and stand in the order of the document. XState leaves
 * some out when a history is entered from within its own parent; then it stays so, as it would live.
 */
export function orderOf(host: Host, nodes: readonly AnyStateNode[]): number[] | undefined {
  let inside = 1
  for (let at = 0; at < nodes.length; at++) {
    const { order, parent } = nodes[at] as AnyStateNode
    inside += host.inside[order] as number
    const isNext =
      at === 0 ? order === 0 : order > (nodes[at - 1] as AnyStateNode).order && nodes.includes(parent as AnyStateNode)
    if (!isNext) return numbersOf(nodes)
  }
  return inside === nodes.length ? undefined : numbersOf(nodes)
}

function numbersOf(nodes: readonly AnyStateNode[]): number[] {
  return nodes.map(({ order }) => order)
}

/** XState's own derivation of the value, with the regions in the order of the nodes. */
function valueOf(root: AnyStateNode, nodes: readonly AnyStateNode[]): StateValue {
  const inside = new Map<AnyStateNode | undefined, AnyStateNode[]>()
  for (const node of nodes) {
    const siblings = inside.get(node.parent)
    if (siblings === undefined) inside.set(node.parent, [node])
    else siblings.push(node)
  }
  const of = (node: AnyStateNode): StateValue => {
    const children = inside.get(node) ?? []
    const [only] = children
    if (node.type === 'compound' && only !== undefined && (only.type === 'atomic' || only.type === 'final'))
      return only.key
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
