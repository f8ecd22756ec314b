/** How two trials parted and ended, for people and for programs. */
import { inspect } from 'node:util'
import type { Call } from '#bin/command.ts'
import { clip, plural, timeText } from '#bin/layout.ts'
import { plain } from '#bin/output.ts'
import { systemClock } from '#runtime/index.ts'
import type { ValueChange } from '#runtime/cuts/reading/value-paths.ts'
import type { Came } from '#runtime/cuts/restoring/replay.ts'
import type { ActorDifference } from '#runtime/cuts/reading/diff-cuts.ts'
import type { DiffRun, Parting, SideEnd } from '#runtime/forks/diff-run.ts'

const pathsShown = 8
const marks = { added: ['green', '+'], removed: ['red', '-'], changed: ['yellow', '~'] } as const

export async function tellRun(call: Call, run: DiffRun, most: number): Promise<void> {
  const { out, json } = call
  if (json) out.json(run.parting === undefined ? { is: 'parting', parted: false } : partingJson(run.parting))
  else printParting(call, run.parting)
  const counts = { added: 0, removed: 0, changed: 0 }
  let shown = 0
  for await (const found of run.differences) {
    counts[found.is]++
    if (json) out.json(found)
    else if (shown++ < most) printDifference(call, found)
  }
  const [before, changed] = run.ends
  if (json) {
    const differing = { ...counts }
    return out.json({ is: 'end', at: run.at, differing, before: sideJson(before), changed: sideJson(changed) })
  }
  if (shown > most) out.line(`… and ${shown - most} more: --limit 0, or --json`)
  const { added, removed } = counts
  out.line(
    shown === 0
      ? 'in the end no actor differs'
      : `in the end: ${added} added, ${removed} removed, ${counts.changed} changed`,
  )
  for (const [name, side] of [
    ['before', before],
    ['changed', changed],
  ] as const)
    out.line(`${out.style('dim', name.padEnd(8))} ${sideText(side)}`)
}

function partingJson({ address, step, at, after, paths, count }: Parting): object {
  return { is: 'parting', parted: true, address, step, at, after: after && eventOf(after), paths, count }
}

function eventOf(came: Came): object {
  const { address, at, envelope } = came
  const content = envelope?.content
  return { to: envelope?.to ?? address, at, ...(content?.is === 'event' && { event: plain(content.event) }) }
}

function printParting({ out }: Call, parting: Parting | undefined): void {
  if (parting === undefined) return out.line('they never part')
  const { address, step, at, after, paths, count } = parting
  out.line(out.style('bold', `they part at ${timeText(at, systemClock.now())}: ${address}, step ${step}`))
  if (after !== undefined) {
    const { content } = after.envelope ?? {}
    out.line(`    after ${content?.is === 'event' ? content.event.type : 'what came'} to ${after.address}`)
  }
  printPaths(out, paths, count)
}

function printDifference({ out }: Call, { address, is, paths, count }: ActorDifference): void {
  const [style, mark] = marks[is]
  out.line(`${out.style(style, mark)} ${address}`)
  printPaths(out, paths, count)
}

function printPaths(out: Call['out'], paths: readonly ValueChange[], count: number): void {
  const room = Math.max(16, Math.floor((out.width - 12) / 3))
  const valueText = (value: unknown): string =>
    value === undefined ? '(nothing)' : clip(inspect(value, { depth: 2, breakLength: Infinity }), room)
  for (const { path, before, after } of paths.slice(0, pathsShown))
    out.line(`    ${clip(path === '' ? 'the actor' : path, room)}: ${valueText(before)} → ${valueText(after)}`)
  if (count > pathsShown) out.line(`    … ${plural(count - pathsShown, 'more path')}`)
}

function sideJson({ delivered, touched, parked, unanswered, check }: SideEnd): object {
  return { delivered, touched, parked, unanswered, invariants: check.invariants, counts: check.counts }
}

function sideText({ delivered, touched, parked, unanswered, check }: SideEnd): string {
  const waiting = Object.entries(unanswered).map(([name, count]) => `${name} ${count}`)
  const broken = check.invariants.flatMap(({ name, holds }) => (holds === true ? [] : [name]))
  return [
    `${plural(delivered, 'event')} delivered`,
    `${plural(touched, 'actor')} stepped`,
    ...(parked > 0 ? [`${parked} parked`] : []),
    ...(waiting.length > 0 ? [`effects without an answer: ${waiting.join(', ')}`] : []),
    ...(check.counts.deadlocks > 0 ? [plural(check.counts.deadlocks, 'deadlock')] : []),
    ...(broken.length > 0 ? [`does not hold: ${broken.join(', ')}`] : []),
  ].join('; ')
}
