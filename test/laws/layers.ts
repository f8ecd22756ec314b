/**
 * Which folder may know which. The table is the architecture: what is not written here is not
 * allowed, so a new dependency between layers is a change of this file that somebody reads.
 */
import { posix } from 'node:path'
import type { Import, Source } from './source.ts'

type Layer = {
  /** The folder, or folders, that the layer is; the longest match wins. */
  readonly at: string
  readonly mayImport: readonly string[]
  /** Only their types: the layer names the shape of what it is given. */
  readonly mayName: readonly string[]
  /** Package names or scopes; `undefined` leaves them to the laws below. */
  readonly packages?: readonly string[]
  readonly packageTypes?: readonly string[]
}

const ours = ['protocol', 'actors', 'runtime', 'runtime/core', 'store', 'config', 'studio', 'bin']

const table: readonly Layer[] = [
  { at: 'protocol', mayImport: [], mayName: [], packages: ['msgpackr'], packageTypes: ['xstate'] },
  { at: 'actors', mayImport: ['protocol'], mayName: [], packages: ['xstate'] },
  { at: 'actors/drivers', mayImport: ['protocol', 'actors'], mayName: [] },
  { at: 'runtime/core', mayImport: ['protocol'], mayName: [], packages: ['xstate', 'croner'] },
  { at: 'runtime', mayImport: ['protocol', 'runtime/core'], mayName: ['store'] },
  { at: 'store', mayImport: ['protocol'], mayName: [] },
  { at: 'config', mayImport: ['protocol'], mayName: [] },
  { at: 'studio', mayImport: [], mayName: ['protocol'] },
  // `perdure bench` is a command like any other.
  { at: 'bin', mayImport: [...ours, 'bench'], mayName: [] },
]

/** The package's public doors wire the inner functions, so they see what a composition sees. */
const doors = ['runtime/index.ts', 'runtime/test.ts', 'runtime/wiring.ts']
const doorsMayImport = ['protocol', 'runtime', 'runtime/core', 'store', 'config']

/** Packages with one home: what else would import them goes through that home instead. */
const homes: readonly { readonly packages: RegExp; readonly home: string }[] = [
  { packages: /^@nats-io\//, home: 'runtime' },
  { packages: /^lmdb$/, home: 'store' },
]

export function layerFaults(sources: readonly Source[]): readonly string[] {
  return sources.flatMap((source) => {
    const layer = layerOf(source.path)
    return source.imports.flatMap((found) => [
      ...spellingFaults(source, found),
      ...homeFaults(source, found),
      ...(layer === undefined ? [] : reachFaults(source, layer, found)),
    ])
  })
}

function spellingFaults({ path }: Source, { specifier }: Import): readonly string[] {
  if (specifier.startsWith('..')) return [`${path} imports '${specifier}'; another folder is '#folder/file.ts'`]
  if (!isOurs(specifier)) return []
  if (!/\.(ts|tsx|json)$/.test(specifier)) return [`${path} imports '${specifier}'; write the file's own name with .ts`]
  // One spelling for each: what lies at or below a file's own folder is './…', all else '#…'.
  const below = `#${posix.dirname(path)}/`
  if (specifier.startsWith(below)) {
    return [`${path} imports '${specifier}'; inside its own folder it is './${specifier.slice(below.length)}'`]
  }
  return []
}

function homeFaults({ path }: Source, { specifier }: Import): readonly string[] {
  const layer = layerOf(path)
  if (layer === undefined) return []
  return homes
    .filter(({ packages, home }) => packages.test(specifier) && layer.at !== home)
    .map(({ home }) => `${path} imports '${specifier}', which only ${home}/ may`)
}

function reachFaults({ path }: Source, layer: Layer, { specifier, typeOnly }: Import): readonly string[] {
  if (isOurs(specifier)) {
    const target = layerOf(targetOf(path, specifier))
    const name = target?.at ?? posix.dirname(targetOf(path, specifier))
    const mayImport = doors.includes(path) ? doorsMayImport : layer.mayImport
    if (name === layer.at || mayImport.includes(name)) return []
    if (layer.mayName.includes(name)) {
      return typeOnly ? [] : [`${path} imports '${specifier}' as a value; ${layer.at}/ may only name types of ${name}/`]
    }
    return [`${path} imports '${specifier}'; ${layer.at}/ may not know ${name}/`]
  }
  if (layer.packages === undefined || specifier.startsWith('node:')) return []
  const name = packageOf(specifier)
  if (layer.packages.includes(name) || (typeOnly && layer.packageTypes?.includes(name))) return []
  return [`${path} imports '${specifier}'; ${layer.at}/ may import only ${layer.packages.join(', ')}`]
}

export function layerOf(path: string): Layer | undefined {
  return table.filter(({ at }) => path.startsWith(`${at}/`)).toSorted((a, b) => b.at.length - a.at.length)[0]
}

function isOurs(specifier: string): boolean {
  return specifier.startsWith('.') || specifier.startsWith('#')
}

function targetOf(path: string, specifier: string): string {
  return specifier.startsWith('#') ? specifier.slice(1) : posix.join(posix.dirname(path), specifier)
}

function packageOf(specifier: string): string {
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')
}
