/** The kinds that a node runs: the examples, or what a module of the user exports. */
import { stat } from 'node:fs/promises'
import { pathToFileURL } from 'node:url'
import { exampleActors } from '#actors/index.ts'
import type { Config } from '#config/open-config.ts'
import { Fault } from '#protocol/fault.ts'
import { isInvariant } from '#runtime/cuts/reading/invariant.ts'
import type { ActorKind, Invariant } from '#runtime/index.ts'

/** Every exported kind, and every exported list of them. */
export async function loadActors(file: string | undefined): Promise<readonly ActorKind[]> {
  if (file === undefined) return exampleActors
  const found = Object.values(await load(file)).flatMap((value) =>
    Array.isArray(value) ? value.filter(isKind) : isKind(value) ? [value] : [],
  )
  // One that is exported by itself and in a list as well is still one.
  const kinds = [...new Set(found)]
  if (kinds.length === 0) throw new Fault('actors.unusable', { value: file, reason: 'it exports none' })
  return kinds
}

/** What every cut is held against: each that is exported, and each in an exported list. */
export async function loadInvariants({ node }: Config, asked?: string): Promise<readonly Invariant[]> {
  const file = asked ?? node['cuts.invariants'] ?? node['actors.module']
  if (file === undefined) return []
  const found = Object.values(await load(file)).flatMap((value) => (Array.isArray(value) ? value : [value]))
  return [...new Set(found.filter(isInvariant))]
}

async function load(file: string): Promise<Readonly<Record<string, unknown>>> {
  const isFile = await stat(file).then(
    (found) => found.isFile(),
    () => false,
  )
  if (!isFile) throw new Fault('actors.unusable', { value: file, reason: 'there is no such file' })
  try {
    return (await import(pathToFileURL(file).href)) as Readonly<Record<string, unknown>>
  } catch (cause) {
    throw new Fault('actors.unusable', { value: file, reason: reasonOf(cause) }, { cause })
  }
}

/** By shape and not by class: the module may have its own copy of the package. */
function isKind(value: unknown): value is ActorKind {
  const { kind, logic, options } = (value ?? {}) as Record<string, unknown>
  return typeof kind === 'string' && typeof logic === 'object' && logic !== null && typeof options === 'object'
}

/** The first line and where it happened: what a person needs to mend the file. */
function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause)
  const [first = ''] = cause.message.split('\n').filter((line) => line.trim() !== '')
  const place = /(?:file:\/\/|\(|\bat |^)(\/[^\s()]+:\d+)/m.exec(cause.stack ?? '')?.[1]
  const isOwn = place !== undefined && !place.includes('/node_modules/') && !first.includes(place)
  return `${cause.name}: ${first.replace(/\.$/, '')}${isOwn ? ` at ${place}` : ''}`
}
