/** A value from an actor, for a person: shown whole while it is small, and cut where it is not. */
import { inspect } from 'node:util'
import { encode } from '#protocol/codec.ts'
import { bytesText } from './layout.ts'
import type { Output } from './output.ts'

const shownLines = 40
const shownChars = 4_000

export function showValue(out: Output, value: unknown, { whole = false, indent = '' } = {}): string {
  const text = inspect(value, {
    colors: out.isTerminal && out.style('red', 'x') !== 'x',
    depth: whole ? Infinity : 6,
    maxArrayLength: whole ? Infinity : 30,
    maxStringLength: whole ? Infinity : 500,
    breakLength: out.width - indent.length - 2,
    compact: 3,
    sorted: false,
  })
  const lines = text.split('\n')
  const isCut = !whole && (lines.length > shownLines || text.length > shownChars)
  const kept = isCut ? cut(lines) : lines
  const shown = kept.map((line) => indent + line).join('\n')
  return isCut ? `${shown}\n${indent}… ${bytesText(sizeOf(value))} in all; --full shows it` : shown
}

function cut(lines: readonly string[]): string[] {
  const kept: string[] = []
  let chars = 0
  for (const line of lines.slice(0, shownLines)) {
    chars += line.length
    if (chars > shownChars && kept.length > 0) break
    kept.push(line)
  }
  return kept
}

function sizeOf(value: unknown): number {
  try {
    return encode(value).length
  } catch {
    return 0
  }
}
