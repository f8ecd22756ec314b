/**
 * Definitions of kinds, agreed on before they serve. The realm's registry keeps them by version; a
 * new definition under the same version that would strand stored actors is refused with the names
 * of what is gone. Invariant: an entry changes only over the revision that was read.
 */
import { type ActorKind } from '#protocol/actor.ts'
import { addressOf } from '#protocol/address.ts'
import { Fault } from '#protocol/fault.ts'
import { partitionOf } from '#protocol/partition.ts'
import { subjects } from '#protocol/subject.ts'
import type { Bus } from '#runtime/bus.ts'
import { changeEntry } from '#runtime/change-entry.ts'
import { type Blueprint, blueprintOf } from '#runtime/core/blueprint.ts'
import {
  type Definition,
  decodeKindEntry,
  definitionOf,
  encodeKindEntry,
  type KindEntry,
  newestOf,
} from '#runtime/core/kind-entry.ts'
import { type FirstShare, withDefinition, withNeed } from '#runtime/core/rollout.ts'
import { compareShapes, type Shape } from '#runtime/core/shape.ts'
import { trace } from '#runtime/trace.ts'

export type RegisteredKind = {
  readonly version: number
  readonly hash: string
  readonly shape: Shape
}

export type AgreeOptions = {
  readonly name: string
  /** Serve a kind whose definition changed in a breaking way under an unchanged version. */
  readonly acceptChanged: boolean
  /** Of a version that is new to the realm. */
  readonly rolloutShare: FirstShare
  /** Without heartbeats nobody else could have what an older version cannot take. */
  readonly beatMs: number
}

type World = { readonly bus: Bus; readonly clock: { now(): number } }

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
  { kinds, ...world }: World & { readonly kinds: Map<string, Blueprint> },
  actor: ActorKind,
  options: AgreeOptions,
): Promise<void> {
  await agreeOnKinds(world, [newKind(kinds, actor)], options)
  addKind(kinds, actor)
}

export async function agreeOnKinds(
  { bus, clock }: World,
  blueprints: readonly Blueprint[],
  options: AgreeOptions,
): Promise<void> {
  for (const blueprint of blueprints) {
    const { kind } = blueprint
    const definition = definitionFor(blueprint, { by: options.name, since: clock.now() })
    let differences: readonly string[] = []
    await changeKind(bus, kind, (before) => {
      differences = before === undefined ? [] : agree(before, definition, options)
      const entry = withDefinition(before, { kind, definition, share: options.rolloutShare })
      return withNeed(entry, homesOf(blueprint, bus.realm.partitions))
    })
    if (differences.length > 0) trace({ is: 'kind.changed', kind, differences })
  }
}

function definitionFor(
  { version, hash, shape, options }: Blueprint,
  author: Pick<Definition, 'by' | 'since'>,
): Definition {
  const steps = Object.entries(options.migrate ?? {})
  const ups = steps.map(([from]) => Number(from))
  const downs = steps.flatMap(([from, step]) =>
    typeof step === 'function' || step.down === undefined ? [] : [Number(from)],
  )
  return { version, hash, shape, ups, downs, ...author }
}

/** What changed, in sentences; throws when stored actors would not survive it. */
function agree(before: KindEntry, definition: Definition, options: AgreeOptions): readonly string[] {
  const { version, hash, shape } = definition
  const newest = newestOf(before)
  const isAlone = options.beatMs === 0
  const known = definitionOf(before, version) ?? (version > newest.version || isAlone ? newest : undefined)
  // Alone, it would take what the newest one has made.
  const compared = isAlone && version < newest.version ? newest : known
  if (compared === undefined || compared.hash === hash) return []
  const differences = compareShapes(compared.shape, shape)
  const breaking = differences.filter((one) => one.breaking)
  if (breaking.length > 0 && version <= compared.version && !options.acceptChanged)
    throw new Fault('kind.changed', {
      value: before.kind,
      version,
      problems: breaking.map((one) => one.sentence).join(' '),
    })
  return differences.map((one) => one.sentence)
}

/** A schedule needs somebody who begins it, before any event has come. */
function homesOf({ kind, options: { cron } }: Blueprint, partitions: number): readonly number[] {
  return cron === undefined ? [] : [partitionOf(addressOf(kind, cron.key ?? 'main'), partitions)]
}

export async function changeKind(
  bus: Bus,
  kind: string,
  change: (before: KindEntry | undefined) => KindEntry | undefined,
): Promise<KindEntry | undefined> {
  let entry: KindEntry | undefined
  const isChanged = await changeEntry(bus.registry, kind, (value) => {
    const before = value === undefined ? undefined : decodeKindEntry(kind, value)
    const next = change(before)
    entry = next ?? before
    return next === undefined || next === before ? undefined : encodeKindEntry(next)
  })
  if (isChanged) bus.tell(subjects.kinds(bus.realm), new Uint8Array())
  return entry
}

export async function kindEntry(bus: Bus, kind: string): Promise<KindEntry | undefined> {
  const value = await bus.registry.get(kind)
  return value === undefined ? undefined : decodeKindEntry(kind, value)
}

export async function kindEntries(bus: Bus): Promise<KindEntry[]> {
  return (await bus.registry.all()).map(([kind, value]) => decodeKindEntry(kind, value))
}

/** The newest definition. */
export async function registeredKind(bus: Bus, kind: string): Promise<RegisteredKind | undefined> {
  const entry = await kindEntry(bus, kind)
  return entry === undefined ? undefined : newestOf(entry)
}
