/**
 * Where a clock, a die or the outside world may be touched. Recovery folds data instead of
 * replaying code, but a step is compared with itself in tests, in the simulation and on another
 * node, and that only means something while it depends on its input alone.
 */
import { lineOf, type Source } from './source.ts'
import { walk, type Node, type Step } from './walk.ts'

/** Free names whose use makes a result depend on more than the input. */
const impure = new Set([
  'performance',
  'crypto',
  'process',
  'console',
  'globalThis',
  'fetch',
  'WebSocket',
  'Worker',
  'setTimeout',
  'setInterval',
  'setImmediate',
  'queueMicrotask',
])

const impureMembers = new Set(['Date.now', 'Math.random', 'Atomics.wait', 'Temporal.Now'])

/** Of Node's own modules, those that compute and do nothing else; of crypto only its digests. */
const pureModules = new Set(['node:util', 'node:assert', 'node:assert/strict', 'node:buffer', 'node:crypto'])
const pureCrypto = new Set(['createHash', 'createHmac', 'hash', 'timingSafeEqual'])

export function isPure(path: string): boolean {
  if (path.startsWith('actors/drivers/')) return false
  return path.startsWith('protocol/') || path.startsWith('actors/') || path.startsWith('runtime/core/')
}

export function purityFaults(sources: readonly Source[]): readonly string[] {
  return sources
    .filter(({ path }) => isPure(path))
    .flatMap((source) => [...moduleFaults(source), ...usesOf(source, isImpure)])
}

/** The console and the end of the process belong to bin/, the environment to config/. */
export function edgeFaults(sources: readonly Source[]): readonly string[] {
  return sources.flatMap((source) => {
    const folder = source.path.slice(0, source.path.indexOf('/'))
    const closed = new Set<string>()
    if (folder !== 'bin') closed.add('console').add('process.exit').add('process.abort').add('process.exitCode')
    if (folder !== 'config') closed.add('process.env')
    const modules = source.imports
      .filter(({ specifier }) => /^(node:)?(process|console)$/.test(specifier))
      .map(({ specifier }) => `${source.path} imports '${specifier}'; name the global, which this law can see`)
    return [...modules, ...usesOf(source, (name) => closed.has(name))]
  })
}

function moduleFaults({ path, imports }: Source): readonly string[] {
  return imports.flatMap(({ specifier, typeOnly, names }) => {
    if (typeOnly || !specifier.startsWith('node:')) return []
    if (!pureModules.has(specifier)) return [`${path} imports '${specifier}', which reaches outside of a pure layer`]
    const wild = specifier === 'node:crypto' ? names.filter((name) => !pureCrypto.has(name)) : []
    return wild.map((name) => `${path} imports ${name} of 'node:crypto'; only digests are pure`)
  })
}

function isImpure(name: string): boolean {
  return impure.has(name) || impureMembers.has(name) || name === 'new Date()' || name === 'Date()'
}

function usesOf({ path, text, program }: Source, isClosed: (name: string) => boolean): readonly string[] {
  const own = declaredIn(program)
  const found: string[] = []
  walk(program, (node, step) => {
    const names = namesOf(node, step).filter((name) => !own.has(name.split('.')[0] ?? name) && isClosed(name))
    for (const name of names) found.push(`${path}:${lineOf(text, node.start)} uses ${name}`)
  })
  return found
}

/** What an expression refers to: `process`, `process.env`, `new Date()`. */
function namesOf(node: Node, step: Step | undefined): readonly string[] {
  switch (node.type) {
    case 'Identifier':
      return step !== undefined && isReference(step) ? [String(node['name'])] : []
    case 'MemberExpression': {
      const [object, property] = [node['object'] as Node, node['property'] as Node]
      const member = property['name'] ?? property['value']
      return object.type === 'Identifier' ? [`${String(object['name'])}.${String(member)}`] : []
    }
    case 'VariableDeclarator': {
      // `const { env } = process` is the same reach as `process.env`.
      const [pattern, init] = [node['id'] as Node, node['init'] as Node | null]
      if (pattern.type !== 'ObjectPattern' || init?.type !== 'Identifier') return []
      const properties = pattern['properties'] as readonly Node[]
      return properties.map((each) => `${String(init['name'])}.${String((each['key'] as Node | undefined)?.['name'])}`)
    }
    case 'NewExpression':
      return isBareDate(node) ? ['new Date()'] : []
    case 'CallExpression':
      return (node['callee'] as Node)['name'] === 'Date' ? ['Date()'] : []
    default:
      return []
  }
}

function isBareDate(node: Node): boolean {
  return (node['callee'] as Node)['name'] === 'Date' && (node['arguments'] as readonly Node[]).length === 0
}

/** An identifier that is a value, not the name of a property, a parameter or a type. */
function isReference({ parent, field }: Step): boolean {
  if (parent.type.startsWith('TS') && field !== 'expression') return false
  if (parent.type === 'MemberExpression') return field === 'object' || parent['computed'] === true
  if (field === 'key') return parent['computed'] === true || parent['shorthand'] === true
  return !['label', 'id', 'imported', 'exported'].includes(field)
}

/** Names the file itself declares: a parameter called `process` is not Node's. */
function declaredIn(program: Node): ReadonlySet<string> {
  const names = new Set<string>()
  const declare = (node: unknown): void => {
    const target = node as Node | null | undefined
    if (target?.type === 'Identifier') names.add(String(target['name']))
    if (target?.type === 'AssignmentPattern') declare(target['left'])
    if (target?.type === 'ObjectPattern')
      for (const each of target['properties'] as readonly Node[]) declare(each['value'])
    if (target?.type === 'ArrayPattern') for (const each of target['elements'] as readonly unknown[]) declare(each)
    if (target?.type === 'RestElement') declare(target['argument'])
  }
  walk(program, (node) => {
    if (node.type === 'VariableDeclarator' || /^Function|^Class/.test(node.type)) declare(node['id'])
    if (/Function/.test(node.type) && Array.isArray(node['params'])) for (const each of node['params']) declare(each)
    if (/^Import.*Specifier$/.test(node.type)) declare(node['local'])
    if (node.type === 'CatchClause') declare(node['param'])
  })
  return names
}
