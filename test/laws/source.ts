/**
 * What a law looks at: every source file of the checkout, parsed once. A law is a function from
 * files to the sentences it has against them, so that it can be given a planted file as well.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseSync } from 'oxc-parser'
import { walk, type Node } from './walk.ts'

export type Import = { readonly specifier: string; readonly typeOnly: boolean; readonly names: readonly string[] }

export type Comment = { readonly text: string; readonly line: number; readonly start: number }

export type Source = {
  /** From the root of the checkout, with forward slashes. */
  readonly path: string
  readonly text: string
  readonly program: Node
  readonly imports: readonly Import[]
  readonly comments: readonly Comment[]
}

/** Folders whose code is part of the product; the rest of a checkout is proof and example. */
export const layers = ['protocol', 'actors', 'runtime', 'store', 'config', 'studio', 'bin'] as const

const root = fileURLToPath(new URL('../..', import.meta.url))

export function parseSource(path: string, text: string): Source {
  const { program, comments, errors } = parseSync(path, text)
  if (errors.length > 0) throw new Error(`${path} does not parse: ${errors[0]?.message}`)
  const node = program as unknown as Node
  return {
    path,
    text,
    program: node,
    imports: importsOf(node),
    comments: comments.map(({ value, start }) => ({ text: value, start, line: lineOf(text, start) })),
  }
}

export function sourcesOf(folders: readonly string[]): readonly Source[] {
  return folders.flatMap(filesOf).map((path) => parseSource(path, readFileSync(join(root, path), 'utf8')))
}

/** The planted file of a law's own test. */
export function planted(path: string, ...lines: readonly string[]): readonly Source[] {
  return [parseSource(path, lines.join('\n'))]
}

export function readText(path: string): string {
  return readFileSync(join(root, path), 'utf8')
}

export function lineOf(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length
}

function filesOf(folder: string): readonly string[] {
  let names: readonly string[]
  try {
    names = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
  } catch {
    return []
  }
  return names
    .map((name) =>
      relative(root, join(root, folder, name))
        .split(sep)
        .join('/'),
    )
    .filter(
      (path) => /\.tsx?$/.test(path) && !path.endsWith('.d.ts') && !/(^|\/)(dist|node_modules|\.perdure)\//.test(path),
    )
    .toSorted()
}

function importsOf(program: Node): readonly Import[] {
  const found: Import[] = []
  walk(program, (node) => {
    const specifier = (node['source'] as { value?: unknown } | null | undefined)?.value
    if (typeof specifier !== 'string') return
    switch (node.type) {
      case 'ImportDeclaration':
      case 'ExportNamedDeclaration':
      case 'ExportAllDeclaration': {
        const parts = (node['specifiers'] ?? []) as readonly Node[]
        const kinds = [
          node['importKind'] ?? node['exportKind'],
          ...parts.map((part) => part['importKind'] ?? part['exportKind']),
        ]
        const typeOnly = kinds[0] === 'type' || (parts.length > 0 && kinds.slice(1).every((kind) => kind === 'type'))
        found.push({ specifier, typeOnly, names: parts.map(importedName) })
        break
      }
      case 'ImportExpression':
        found.push({ specifier, typeOnly: false, names: [] })
        break
      case 'TSImportType':
        found.push({ specifier, typeOnly: true, names: [] })
        break
    }
  })
  return found
}

function importedName(part: Node): string {
  const name = part['imported'] ?? part['local']
  return (name as { name?: string } | undefined)?.name ?? '*'
}
