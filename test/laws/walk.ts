/** Every node of a syntax tree, parents first, each with the way that led to it. */
export type Node = {
  readonly type: string
  readonly start: number
  readonly end: number
  readonly [field: string]: unknown
}

export type Step = { readonly parent: Node; readonly field: string }

export function walk(node: Node, visit: (node: Node, step: Step | undefined) => void, step?: Step): void {
  visit(node, step)
  for (const [field, value] of Object.entries(node)) {
    for (const child of Array.isArray(value) ? value : [value]) {
      if (isNode(child)) walk(child, visit, { parent: node, field })
    }
  }
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string'
}
