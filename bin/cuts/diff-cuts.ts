/** `perdure cut diff`: what became of the actors between two cuts. */
import { inspect } from 'node:util'
import type { Call } from '#bin/command.ts'
import { clip, plural } from '#bin/layout.ts'
import type { ActorDifference } from '#runtime/cuts/reading/diff-cuts.ts'
import { parseAddress } from '#protocol/address.ts'
import { wordsOf } from './verb-words.ts'

const shownMost = 50
const pathsShown = 8

const marks = { added: ['green', '+'], removed: ['red', '-'], changed: ['yellow', '~'] } as const

export async function diffCuts(call: Call, words: readonly string[]): Promise<void> {
  const [a = '', b = 'last'] = wordsOf(words.length === 1 ? [...words, 'last'] : words, 'diff', [
    'two cuts, the older first',
    'a second cut',
  ])
  const { cuts } = await call.realm()
  const text = call.text('address')
  const address = text === undefined ? undefined : parseAddress(text)
  const most = call.count('limit', shownMost) || Infinity
  const counts = { added: 0, removed: 0, changed: 0 }
  let shown = 0
  for await (const found of cuts.diff(a, b, { kind: call.text('kind'), address })) {
    counts[found.is]++
    if (call.json) call.out.json(jsonOf(found))
    else if (shown++ < most) print(call, found)
  }
  if (call.json) return call.out.json({ is: 'sum', ...counts })
  if (shown > most) call.out.line(`… and ${shown - most} more: --limit 0, or --json`)
  const { added, removed, changed } = counts
  call.out.line(shown === 0 ? 'No actor differs.' : `${added} added, ${removed} removed, ${changed} changed`)
}

function jsonOf({ address, is, paths, count }: ActorDifference): object {
  return is === 'changed' ? { is, address, paths, count } : { is, address }
}

function print({ out }: Call, { address, is, paths, count }: ActorDifference): void {
  const [style, mark] = marks[is]
  out.line(`${out.style(style, mark)} ${address}`)
  const room = Math.max(16, Math.floor((out.width - 12) / 3))
  const valueText = (value: unknown): string =>
    value === undefined ? '(nothing)' : clip(inspect(value, { depth: 2, breakLength: Infinity }), room)
  for (const { path, before, after } of paths.slice(0, pathsShown))
    out.line(`    ${clip(path, room)}: ${valueText(before)} → ${valueText(after)}`)
  if (count > pathsShown) out.line(`    … ${plural(count - pathsShown, 'more path')}`)
}
