/**
 * The machine as the runtime steps it: the user's own definition, with every named actor
 * replaced by logic that does nothing. It serves the clause "the machine makes a transition".
 * Invariant: stepping it creates no running thing. XState builds an Actor for each child as
 * soon as it is spawned, and would run that child's context factory and entry actions there,
 * although the child lives at an address of its own.
 */
import type { AnyActorLogic, AnyMachineSnapshot, AnyStateMachine, AnyStateNode } from 'xstate'

export type Host = {
  readonly machine: AnyStateMachine
  /** By the event of an `after`: its delay as written. */
  readonly afterNames: ReadonlyMap<string, string>
  /** In document order, so that a node's `order` is its index. */
  readonly nodes: readonly AnyStateNode[]
  /** By that number: how many states are active directly inside of an active one. */
  readonly inside: readonly number[]
  /** Snapshots by configuration, to be copied with another context: resolving one takes 1 to 17 us. */
  readonly templates: Map<string, AnyMachineSnapshot>
}

/** More microsteps than this for one event are taken for a loop, unless the machine says otherwise. */
const mostIterations = 10_000

const inert = { status: 'active', output: undefined, error: undefined } as const
const stub = {
  transition: (snapshot: unknown) => snapshot,
  getInitialSnapshot: () => inert,
  getPersistedSnapshot: (snapshot: unknown) => snapshot,
} as unknown as AnyActorLogic

export function hostOf(machine: AnyStateMachine, onDelay: (name: string) => void): Host {
  const { actors, delays } = machine.implementations as {
    actors: Record<string, unknown>
    delays: Record<string, unknown>
  }
  const hosted = machine.provide({
    actors: Object.fromEntries(Object.keys(actors).map((src) => [src, stub])),
  } as never) as AnyStateMachine
  hosted.implementations.delays = announced(delays, onDelay) as never
  const { maxIterations = Number.POSITIVE_INFINITY } = hosted.options
  hosted.options.maxIterations = Number.isFinite(maxIterations) ? maxIterations : mostIterations
  const nodes = [...nodesOf(hosted)]
  return { machine: hosted, afterNames: afterNamesOf(nodes), nodes, inside: nodes.map(insideOf), templates: new Map() }
}

function insideOf({ type, states }: AnyStateNode): number {
  if (type !== 'parallel') return type === 'compound' ? 1 : 0
  return Object.values(states as Record<string, AnyStateNode>).filter((one) => one.type !== 'history').length
}

/** XState resolves a named delay to its number and forgets the name; policies refer to the name. */
function announced(delays: Readonly<Record<string, unknown>>, onDelay: (name: string) => void): object {
  const all = {}
  for (const name of Object.keys(delays)) {
    const get = (): unknown => {
      onDelay(name)
      return delays[name]
    }
    Object.defineProperty(all, name, { enumerable: true, get })
  }
  return all
}

/** By identity of their ids: looking one up by name splits ids at dots, which ids may hold. */
export function nodesOf(machine: AnyStateMachine): AnyStateNode[] {
  return [...(machine as unknown as { idMap: Map<string, AnyStateNode> }).idMap.values()]
}

function afterNamesOf(nodes: readonly AnyStateNode[]): Map<string, string> {
  const names = new Map<string, string>()
  for (const node of nodes) for (const key of afterKeysOf(node)) names.set(afterTypeOf(key, node.id), key)
  return names
}

export function afterKeysOf(node: AnyStateNode): string[] {
  return Object.keys((node.config as { after?: object }).after ?? {})
}

/** XState writes a numeric delay as a number: `1e3` becomes 1000. */
export function afterTypeOf(key: string, nodeId: string): string {
  return `xstate.after.${Number.isNaN(+key) ? key : +key}.${nodeId}`
}
