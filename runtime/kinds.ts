/**
 * Definitions of kinds, agreed on before they serve. The realm's registry keeps the last one of
 * each; a new definition under the same version that would strand stored actors is refused with
 * the names of what is gone.
 */
import type { ActorKind } from '#protocol/actor.ts'
import { decode, encode } from '#protocol/codec.ts'
import { Fault } from '#protocol/fault.ts'
import type { Bus } from './bus.ts'
import { type Blueprint, blueprintOf } from './core/blueprint.ts'
import { compareShapes, type Shape } from './core/shape.ts'
import { trace } from './trace.ts'

export type RegisteredKind = {
  readonly version: number
  readonly hash: string
  readonly shape: Shape
  readonly at?: number
}

export function addKind(kinds: Map<string, Blueprint>, actor: ActorKind): Blueprint {
  const blueprint = newKind(kinds, actor)
  kinds.set(actor.kind, blueprint)
  return blueprint
}

function newKind(kinds: ReadonlyMap<string, Blueprint>, actor: ActorKind): Blueprint {
  if (kinds.has(actor.kind)) throw new Fault('kind.twice', { value: actor.kind })
  return blueprintOf(actor)
}

/** A kind that comes while others are served: agreed on first, since from then on it takes events. */
export async function registerKind(
  { bus, kinds }: { readonly bus: Bus; readonly kinds: Map<string, Blueprint> },
  actor: ActorKind,
  options: { readonly acceptChanged: boolean },
): Promise<void> {
  await agreeOnKinds(bus, [newKind(kinds, actor)], options)
  addKind(kinds, actor)
}

export async function agreeOnKinds(
  bus: Bus,
  blueprints: readonly Blueprint[],
  options: { readonly acceptChanged: boolean },
): Promise<void> {
  for (const blueprint of blueprints) {
    const { kind, version, hash, shape } = blueprint
    const before = await registeredKind(bus, kind)
    if (before?.hash === hash && before.version === version) continue
    if (before !== undefined) {
      const differences = compareShapes(before.shape, shape)
      const breaking = differences.filter((one) => one.breaking)
      if (breaking.length > 0 && version <= before.version && !options.acceptChanged) {
        throw new Fault('kind.changed', {
          value: kind,
          version,
          problems: breaking.map((one) => one.sentence).join(' '),
        })
      }
      if (differences.length > 0)
        trace({ is: 'kind.changed', kind, differences: differences.map((one) => one.sentence) })
    }
    await bus.registry.put(kind, encode([version, hash, shape]))
  }
}

export async function registeredKind(bus: Bus, kind: string): Promise<RegisteredKind | undefined> {
  const bytes = await bus.registry.get(kind)
  if (bytes === undefined) return undefined
  const [version, hash, shape] = decode(bytes) as [number, string, Shape]
  return { version, hash, shape }
}
