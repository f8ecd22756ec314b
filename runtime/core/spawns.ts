/**
 * Whether a function calls the `spawn` that XState passes to `assign` and to context factories,
 * judged by its source text. It can be fooled by text that hides it; such a spawn is caught when
 * it happens (`spawn.inline`). It must not take `spawnChild`, or a field that happens to be
 * called spawn, for the real thing.
 */
export function spawns(candidate: unknown): boolean {
  if (typeof candidate !== 'function') return false
  const { argument, body } = parted(bare(Function.prototype.toString.call(candidate)))
  if (argument === undefined) return false
  const name = /^[A-Za-z_$][\w$]*$/.exec(argument)?.[0]
  if (name === undefined) return topLevelNames(argument).includes('spawn')
  const whole = escaped(name)
  if (new RegExp(`(?<![\\w$.])${whole}\\s*(?:\\?\\.|\\.)\\s*spawn(?![\\w$])`).test(body)) return true
  for (const [, pattern] of body.matchAll(new RegExp(`(\\{[^{}]*\\})\\s*=\\s*${whole}(?![\\w$.[(])`, 'g'))) {
    if (topLevelNames(pattern as string).includes('spawn')) return true
  }
  return false
}

/** Without comments and with empty strings: what is quoted is not code. */
function bare(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"/g, (part) =>
    part.startsWith('/') ? ' ' : '""',
  )
}

/** The first parameter and all that follows it. */
function parted(text: string): { readonly argument: string | undefined; readonly body: string } {
  const single = /^\s*(?:async\s+)?([A-Za-z_$][\w$]*)\s*=>/.exec(text)
  if (single !== null) return { argument: single[1], body: text.slice(single[0].length) }
  const open = text.indexOf('(')
  if (open < 0) return { argument: undefined, body: '' }
  let depth = 0
  let end: number | undefined
  for (let at = open; at < text.length; at++) {
    const char = text[at] as string
    if ('({['.includes(char)) depth++
    else if (')}]'.includes(char)) depth--
    if ((depth === 1 && (char === ',' || char === '=')) || depth === 0) end ??= at
    if (depth === 0) {
      const argument = text.slice(open + 1, end).trim()
      return { argument: argument === '' ? undefined : argument, body: text.slice(at + 1) }
    }
  }
  return { argument: undefined, body: '' }
}

/** The properties that a destructuring pattern takes, not those of patterns inside it. */
function topLevelNames(pattern: string): string[] {
  if (!pattern.startsWith('{')) return []
  const names: string[] = []
  let depth = 0
  let name = ''
  let reading = true
  for (const char of pattern) {
    if ('({['.includes(char)) depth++
    if (depth === 1 && /[\w$]/.test(char)) name += reading ? char : ''
    else if (depth === 1 && (char === ',' || char === '}')) {
      names.push(name)
      name = ''
      reading = true
    } else if (depth === 1 && (char === ':' || char === '=')) reading = false
    if (')}]'.includes(char)) depth--
  }
  return names
}

function escaped(name: string): string {
  return name.replaceAll('$', String.raw`\$`)
}
