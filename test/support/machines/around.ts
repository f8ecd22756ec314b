/** The surroundings of an actor as its book would make them: who lives, who has a name, which number is next. */
import { type Address, childAddressOf } from '#protocol/address.ts'
import { Ref } from '#protocol/codec.ts'
import type { MachineAction, MachineStep, Surroundings } from '#runtime/core/machine-step.ts'

export type Around = Surroundings & {
  readonly children: Record<string, Ref>
  readonly names: Record<string, Ref>
  /** The rest of the family, which no step of this actor changes. */
  readonly others: Surroundings['lookup'] | undefined
}

export function aroundOf(address: Address = 'kind/key', more: Partial<Surroundings> = {}): Around {
  const names: Record<string, Ref> = {}
  return {
    self: new Ref(address),
    parent: undefined,
    lookup: (systemId) => names[systemId],
    registered: () => names,
    nextSpawn: 1,
    children: {},
    decisions: false,
    names,
    others: more.lookup,
    ...more,
  }
}

export function after(around: Around, { actions, nextSpawn }: Pick<MachineStep, 'actions' | 'nextSpawn'>): Around {
  const children = { ...around.children }
  const names = { ...around.names }
  for (const action of actions) apply(action, around.self.address, children, names)
  return {
    ...around,
    children,
    names,
    nextSpawn,
    lookup: (systemId) => names[systemId] ?? around.others?.(systemId),
    registered: () => names,
  }
}

function apply(
  action: MachineAction,
  address: Address,
  children: Record<string, Ref>,
  names: Record<string, Ref>,
): void {
  if (action.do === 'stop') {
    const { systemId } = children[action.id] ?? {}
    if (systemId !== undefined) delete names[systemId]
    delete children[action.id]
  } else if (action.do === 'spawn') {
    const { as, id, spawn, systemId } = action
    const ref =
      as === 'actor'
        ? new Ref(childAddressOf(address, id, spawn), id, systemId)
        : new Ref(address, id, systemId, `~${spawn}~${id}`)
    children[id] = ref
    if (systemId !== undefined) names[systemId] = ref
  }
}
