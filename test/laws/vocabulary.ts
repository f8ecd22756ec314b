/**
 * One word, one thing: the words that the design does not use, looked for in names, comments
 * and the sentences that people read. A second word for a thing is the start of a second thing.
 */
import { lineOf, type Source } from './source.ts'
import { walk, type Node } from './walk.ts'

type Banned = {
  readonly word: string
  readonly say: string
  /** In a name: one of its camelCase parts. Some words are also plain English, or somebody else's. */
  readonly inNames: RegExp
  readonly inProse: RegExp
  /** Taken out of prose before it is read. */
  readonly except?: RegExp
  /** Where the word is the right one, because it belongs to what is spoken to there. */
  readonly home?: RegExp
}

const banned: readonly Banned[] = [
  {
    word: 'message',
    say: 'envelope (on its way), event (what a machine understands) or entry (of the log)',
    // An Error has a message, and what NATS carries is one, before it is known to be an entry.
    home: /^runtime\/nats\//,
    inNames: /^(?!message$|errorMessage(Of)?$|.*[cC]hatMessage).*([mM]essages?(?![a-z])|Messages?$)/,
    inProse: /\bmessages?\b/i,
    except: /\b(error|chat|model|commit)(['’]s)? messages?\b|\bmessages? of (an?|the) (error|fault)\b|`[^`]*`/gi,
  },
  { word: 'shard', say: 'partition', inNames: /[sS]hard(s|ed|ing)?(?![a-z])/, inProse: /\bshard(s|ed|ing)?\b/i },
  {
    word: 'checkpoint',
    say: 'cut',
    inNames: /[cC]heckpoint(s|ed|ing)?(?![a-z])/,
    inProse: /\bcheckpoint(s|ed|ing)?\b/i,
  },
  { word: 'job', say: 'effect, or what it really is', inNames: /(^job|Job)(s)?(?![a-z])/, inProse: /\bjobs?\b/i },
  {
    word: 'service',
    say: 'node, server or actor',
    home: /^runtime\/nats\//,
    inNames: /(^service|Service)(s)?(?![a-z])/,
    inProse: /\bservices?\b/i,
    except: /\b\w+\.service\b|\bsystemd services?\b|\[Service\]|\bservice unavailable\b/gi,
  },
  {
    // A token of a subject, and a token a model says, are what everybody calls them; a token
    // that fences or identifies is an epoch, a nonce, an id or a position.
    word: 'token',
    say: 'epoch, nonce, id or position',
    inNames:
      /([fF]enc(e|ing)|[lL]ease|[oO]wner(ship)?|[cC]laim|[sS]ession|[rR]esume|[cC]ontinuation|[cC]ancel(lation)?|[cC]orrelation|[dD]edup|[iI]dempotency|[pP]age|[eE]poch)Tokens?(?![a-z])/,
    inProse:
      /\b(fenc(e|ing)|lease|owner(ship)?|claim|session|resume|continuation|cancel(lation)?|correlation|dedup|idempotency|page|epoch)[ -]tokens?\b/i,
  },
]

function bannedIn(path: string): readonly Banned[] {
  return banned.filter(({ home }) => !home?.test(path))
}

export function vocabularyFaults(sources: readonly Source[]): readonly string[] {
  return sources.flatMap((source) => [...nameFaults(source), ...proseFaults(source)])
}

function nameFaults({ path, text, program }: Source): readonly string[] {
  const found = new Set<string>()
  for (const part of path.split(/[/.-]/)) {
    for (const { word, say, inNames } of banned)
      if (inNames.test(part)) found.add(`${path}: ${word} in its name; say ${say}`)
  }
  walk(program, (node) => {
    for (const declared of declaredBy(node)) {
      const name = String(declared['name'])
      for (const { inNames, say } of bannedIn(path)) {
        if (inNames.test(name)) found.add(`${path}:${lineOf(text, declared.start)} declares ${name}; say ${say}`)
      }
    }
  })
  return [...found]
}

/** The names that a file gives; what it takes from others keeps their word. */
function declaredBy(node: Node): readonly Node[] {
  const named = (field: string): readonly Node[] => {
    const child = node[field] as Node | null | undefined
    return child?.type === 'Identifier' ? [child] : []
  }
  if (/^(Function|Class|VariableDeclarator|TSTypeAlias|TSInterface)/.test(node.type))
    return [...named('id'), ...params(node)]
  if (node.type === 'ArrowFunctionExpression') return params(node)
  if (['TSPropertySignature', 'TSMethodSignature', 'PropertyDefinition', 'MethodDefinition'].includes(node.type)) {
    return named('key')
  }
  return []
}

function params(node: Node): readonly Node[] {
  const all = (node['params'] ?? []) as readonly Node[]
  return Array.isArray(all) ? all.filter(({ type }) => type === 'Identifier') : []
}

function proseFaults({ path, text, program, comments }: Source): readonly string[] {
  const found: string[] = []
  const read = (prose: string, line: number): void => {
    for (const { word, say, inProse, except } of bannedIn(path)) {
      const rest = except === undefined ? prose : prose.replaceAll(except, '')
      if (inProse.test(rest)) found.push(`${path}:${line} says ${word}; say ${say}`)
    }
  }
  for (const { text: prose, line } of comments) read(prose, line)
  walk(program, (node) => {
    const value = node.type === 'Literal' ? node['value'] : (node['value'] as { raw?: unknown } | undefined)?.raw
    // A single word is a name somebody else gave; a sentence is ours.
    if (['Literal', 'TemplateElement'].includes(node.type) && typeof value === 'string' && value.includes(' ')) {
      read(value, lineOf(text, node.start))
    }
  })
  return found
}
