/** What a restore is about to do, for people before they say yes and for programs. */
import { plural, span, timeText } from '#bin/layout.ts'
import type { Output } from '#bin/output.ts'
import type { CutManifest } from '#protocol/cut.ts'
import type { TimerChoice } from '#runtime/cuts/restoring/restore.ts'
import type { Generation } from '#runtime/generations.ts'

export type Plan = {
  readonly manifest: CutManifest
  /** Nothing on servers that never had the realm. */
  readonly present: Generation | undefined
  readonly partitions: number
  readonly timers: TimerChoice
  /** Nodes serve before they have unpacked the states. */
  readonly isLazy: boolean
  readonly replay: 'none' | 'all' | 'list'
  /** What came from outside after the cut, as far as that is known. */
  readonly came: number | undefined
}

const labelWidth = 12

export function planJson({ manifest, present, partitions, timers, isLazy: lazy, replay, came }: Plan): object {
  const { id, name, realm, begunAt, generation } = manifest
  return {
    ...{ cut: id, name, realm, begunAt, generation, partitions, timers, lazy, replay, came },
    ...{ actors: actorsOf(manifest), inFlight: flightsOf(manifest) },
    present: present && { generation: present.realm.generation, state: present.state, lastSeq: present.lastSeq },
  }
}

export function printPlan(out: Output, plan: Plan, now: number): void {
  const { manifest, present, partitions, timers } = plan
  const row = (label: string, text: string): void => out.line(`${out.style('dim', label.padEnd(labelWidth))}${text}`)
  const { id, name, begunAt, realm } = manifest
  out.line(out.style('bold', `restores ${name === undefined ? id : `${name} (${id})`} as the realm ${realm}`))
  row('taken', `${timeText(begunAt, now)}, ${span(now - begunAt)} ago, generation ${manifest.generation}`)
  row(
    'holds',
    `${plural(actorsOf(manifest), 'actor')}, ${plural(flightsOf(manifest), 'envelope')} in flight, ${plural(manifest.partitions, 'partition')}`,
  )
  row('realm', presentText(present))
  row('after it', afterText(plan))
  if (partitions !== manifest.partitions) row('partitions', `${partitions} instead of ${manifest.partitions}`)
  if (plan.isLazy) row('states', 'unpacked by the nodes while they serve: each needs the key of the cut')
  row('timers', timersText(timers, now - begunAt))
}

function timersText(timers: TimerChoice, sinceMs: number): string {
  if (timers === 'frozen') return 'stand still until "perdure timers thaw"'
  return timers === 'shifted' ? `${span(sinceMs)} later than they were due` : 'due when they were due'
}

function presentText(present: Generation | undefined): string {
  if (present === undefined) return 'not on these servers: it is made'
  const { generation } = present.realm
  if (present.state === 'open') return `runs as generation ${generation}: it is sealed, and its nodes go on in the next`
  if (present.state === 'sealed') return `generation ${generation} is sealed: a restore was begun, and is begun again`
  return `generation ${generation} was begun by a restore that did not end: it is begun again`
}

function afterText({ replay, came, present }: Plan): string {
  const count = came === undefined ? 'what came from outside after the cut' : plural(came, 'event') + ' from outside'
  if (replay === 'all') return `${count}: delivered again, in their order`
  if (replay === 'list') return 'the events of the list are delivered again'
  return present === undefined ? 'nothing is known' : `${count}: as if never sent (--replay delivers them again)`
}

function actorsOf({ slices }: CutManifest): number {
  return slices.reduce((sum, { actors }) => sum + actors, 0)
}

function flightsOf({ channels }: CutManifest): number {
  return channels.reduce((sum, [, , count]) => sum + count, 0)
}
