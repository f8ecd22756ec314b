/** What became of actors, between two cuts or in the end of two runs: one after the other, and counted. */
import { inspect } from 'node:util'
import type { ActorDifference } from '#runtime/cuts/reading/diff-cuts.ts'
import type { ValueChange } from '#runtime/cuts/reading/value-paths.ts'
import type { Call } from './command.ts'
import { clip, plural } from './layout.ts'
import type { Output } from './output.ts'

export type DifferenceCounts = Record<ActorDifference['is'], number>

type Options = {
  /** So many are shown; as JSON all are. */
  readonly most: number
  readonly jsonOf: (one: ActorDifference) => object
}

const pathsShown = 8

const marks = { added: ['green', '+'], removed: ['red', '-'], changed: ['yellow', '~'] } as const

export async function tellDifferences(
  { out, json }: Call,
  differences: AsyncIterable<ActorDifference>,
  { most, jsonOf }: Options,
): Promise<DifferenceCounts> {
  const counts = { added: 0, removed: 0, changed: 0 }
  let shown = 0
  for await (const one of differences) {
    counts[one.is]++
    if (json) out.json(jsonOf(one))
    else if (shown++ < most) print(out, one)
  }
  if (shown > most) out.line(`… and ${shown - most} more: --limit 0, or --json`)
  return counts
}

/** Nothing where there is none. */
export function countsText({ added, removed, changed }: DifferenceCounts): string | undefined {
  return added + removed + changed === 0 ? undefined : `${added} added, ${removed} removed, ${changed} changed`
}

function print(out: Output, { address, is, paths, count }: ActorDifference): void {
  const [style, mark] = marks[is]
  out.line(`${out.style(style, mark)} ${address}`)
  printPaths(out, paths, count)
}

/** `count`: how many there are, of which `paths` are the first. */
export function printPaths(out: Output, paths: readonly ValueChange[], count: number): void {
  const room = Math.max(16, Math.floor((out.width - 12) / 3))
  const valueText = (value: unknown): string =>
    value === undefined ? '(nothing)' : clip(inspect(value, { depth: 2, breakLength: Infinity }), room)
  for (const { path, before, after } of paths.slice(0, pathsShown))
    out.line(`    ${clip(path === '' ? 'the actor' : path, room)}: ${valueText(before)} → ${valueText(after)}`)
  if (count > pathsShown) out.line(`    … ${plural(count - pathsShown, 'more path')}`)
}
