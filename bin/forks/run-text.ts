/** How two trials parted and ended, for people and for programs. */
import { withoutKept } from '#bin/cuts/check-text.ts'
import type { Call } from '#bin/command.ts'
import { plural, timeText } from '#bin/layout.ts'
import { plain } from '#bin/output.ts'
import { countsText, printPaths, tellDifferences } from '#bin/tell-differences.ts'
import { systemClock } from '#runtime/index.ts'
import type { Came } from '#runtime/cuts/restoring/replay.ts'
import type { DiffRun, Parting, SideEnd } from '#runtime/forks/diff-run.ts'

export async function tellRun(call: Call, run: DiffRun, most: number): Promise<void> {
  const { out, json } = call
  if (json) out.json(run.parting === undefined ? { is: 'parting', parted: false } : partingJson(run.parting))
  else printParting(call, run.parting)
  const counts = await tellDifferences(call, run.differences, { most, jsonOf: (one) => one })
  const [before, changed] = run.ends
  if (json)
    return out.json({ is: 'end', at: run.at, differing: counts, before: sideJson(before), changed: sideJson(changed) })
  const differing = countsText(counts)
  out.line(differing === undefined ? 'in the end no actor differs' : `in the end: ${differing}`)
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

function sideJson({ delivered, touched, parked, unanswered, check }: SideEnd): object {
  return { delivered, touched, parked, unanswered, invariants: withoutKept(check).invariants, counts: check.counts }
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
