/** What was found in a cut, in words. */
import { plural, timeText } from '#bin/layout.ts'
import type { CutCheck, Deadlock, InvariantResult, Orphan } from '#protocol/cut-check.ts'

/** For a list: as short as it can be. */
export function checkText(check: CutCheck | undefined): string {
  if (check === undefined) return 'not looked at'
  const { deadlocks, orphans } = check.counts
  const broken = check.invariants.filter(({ holds }) => holds !== true).length
  const parts = [
    deadlocks === 0 ? '' : plural(deadlocks, 'deadlock'),
    orphans === 0 ? '' : plural(orphans, 'orphan'),
    broken === 0 ? '' : `${broken} broken`,
  ].filter((one) => one !== '')
  return parts.length === 0 ? 'well' : parts.join(', ')
}

export function isWell({ counts, invariants }: CutCheck): boolean {
  return counts.deadlocks + counts.orphans === 0 && invariants.every(({ holds }) => holds === true)
}

/** For a list as JSON: what its invariants keep for the next one would be most of each line. */
export function withoutKept<T extends Pick<CutCheck, 'invariants'>>(check: T): T {
  return { ...check, invariants: check.invariants.map(({ kept: _, ...result }) => result) }
}

/** A line for each thing found. */
export function checkLines(check: CutCheck, now: number): string[] {
  const { deadlocks, orphans, counts, invariants } = check
  const more = (shown: number, all: number): string[] => (all > shown ? [`… and ${all - shown} more`] : [])
  return [
    ...deadlocks.map((one) => deadlockText(one, now)),
    ...more(deadlocks.length, counts.deadlocks),
    ...orphans.map(orphanText),
    ...more(orphans.length, counts.orphans),
    ...invariants.flatMap(invariantLines),
  ]
}

function deadlockText({ cycle, length, since }: Deadlock, now: number): string {
  const way = cycle.map(({ from, how, what }) => `${from} (${how === 'asked' ? 'asked' : `its ${what} is not taken`})`)
  const end = length > cycle.length ? `… ${length - cycle.length} more …` : (cycle[0]?.from ?? '')
  return `deadlock since ${timeText(since, now)}: ${[...way, end].join(' → ')}`
}

function orphanText({ address, for: other, why }: Orphan): string {
  switch (why) {
    case 'child never was':
      return `${address} waits for its child ${other}, which is not there`
    case 'parent is gone':
      return `${address} is the child of ${other}, which is not there any more: nobody hears of its end`
    case 'asker is gone':
      return `${address} holds a question of ${other}, which is not there any more: nobody hears the answer`
  }
}

function invariantLines({ name, holds, found, fault, ms }: InvariantResult): string[] {
  if (holds === true) return [`holds: ${name} (${ms} ms)`]
  if (fault !== undefined) return [`not known: ${name}: ${fault.message}`]
  return [`does not hold: ${name}`, ...found.map((one) => `  ${one}`)]
}
