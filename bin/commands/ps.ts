/** `perdure ps`: which actors there are, where each stands and whether it goes on. */
import type { Call, Command } from '#bin/command.ts'
import { paintedHealth } from '#bin/health-text.ts'
import { plural, span, stateText, table } from '#bin/layout.ts'
import { addressText, healthOfShown, parkedCounts } from '#bin/look.ts'
import { wrong } from '#bin/parse-line.ts'
import type { Health } from '#runtime/core/health.ts'
import { kindOf, type ShownActor, systemClock } from '#runtime/index.ts'

const healths = ['progressing', 'waiting', 'blocked', 'poisoned', 'ended'] as const

export const command: Command = {
  name: 'ps',
  title: 'lists actors by kind, state, tag, age and health',
  usage: ['[kind] [--state paid] [--tag unpaid] [--health blocked]'],
  about: [
    'Health says whether an actor goes on by itself. progressing: envelopes wait and are being stepped. waiting: for what stands there. blocked: nobody serves its kind, its stored state does not fit the definition, a person must say how an effect ended, or no node has the label that an effect asks for. poisoned: something of it is parked. ended: it takes no more events.',
  ],
  examples: ['ps', 'ps order --state placed', 'ps --health poisoned --json'],
  flags: {
    kind: { type: 'text', value: 'kind', about: 'Only this kind.' },
    state: { type: 'text', value: 'state', about: 'Only those in this state, for example open or open.waiting.' },
    tag: { type: 'text', value: 'tag', about: 'Only those with this tag.' },
    health: { type: 'text', value: 'health', about: 'Only those.', choices: healths },
    limit: { type: 'text', value: '50', about: 'At most so many; 0 is all. 50 by default.' },
  },
  settings: 'connection',
  json: 'A line for each: {"address","kind","state","status","tags","bornAt","steppedAt","depth","health"}.',
  async run(call) {
    const [word, extra] = call.words
    if (extra !== undefined) throw wrong(command, `"${extra}" is one word too many; one kind can be named.`)
    const kind = word ?? call.text('kind')
    const limit = call.count('limit', 50) || Infinity
    const realm = await call.realm()
    const parked = await parkedCounts(realm)
    const rows: Row[] = []
    let hasMore = false
    for await (const shown of realm.operate.list({ brief: true, ...(kind === undefined ? {} : { kind }) })) {
      const row = { shown, health: healthOfShown(shown, parked.get(shown.address) ?? 0) }
      if (!isWanted(call, row)) continue
      if (rows.length >= limit) {
        hasMore = true
        break
      }
      rows.push(row)
      if (call.json) call.out.json(jsonOf(row))
    }
    if (!call.json) print(call, rows, hasMore)
    return 0
  },
}

type Row = { readonly shown: ShownActor; readonly health: Health }

function isWanted(call: Call, { shown, health }: Row): boolean {
  const { state, tag, wanted } = { state: call.text('state'), tag: call.text('tag'), wanted: call.text('health') }
  const at = stateText(shown.state.snapshot.value, shown.state.snapshot.status)
  if (state !== undefined && at !== state && !at.startsWith(`${state}.`)) return false
  if (tag !== undefined && shown.tags?.includes(tag) !== true) return false
  return wanted === undefined || health.is === wanted
}

function jsonOf({ shown: { address, state, tags, depth }, health }: Row): object {
  const { snapshot, bornAt, steppedAt } = state
  return {
    address,
    kind: kindOf(address),
    state: snapshot.value,
    status: snapshot.status,
    tags: tags ?? [],
    bornAt,
    steppedAt,
    depth,
    health,
  }
}

function print({ out }: Call, rows: readonly Row[], hasMore: boolean): void {
  if (rows.length === 0) return out.line('There is no such actor. An event creates one: perdure send counter/a ADD')
  const now = systemClock.now()
  const sorted = rows.toSorted((a, b) => (a.shown.address < b.shown.address ? -1 : 1))
  const cells = sorted.map(({ shown: { address, state, tags }, health }) => [
    addressText(address),
    stateText(state.snapshot.value, state.snapshot.status),
    tags?.join(',') || '-',
    span(now - state.bornAt),
    paintedHealth(out, health, now),
  ])
  const columns = [
    { head: 'ADDRESS', most: 24 },
    { head: 'STATE', most: 16 },
    { head: 'TAGS', most: 12 },
    { head: 'AGE', most: 8 },
    { head: 'HEALTH' },
  ]
  for (const line of table(columns, cells, out.width)) out.line(line)
  out.line()
  out.line(out.style('dim', `${summary(rows)}${hasMore ? '; there are more (--limit 0 lists all)' : ''}`))
}

function summary(rows: readonly Row[]): string {
  const counts = new Map<string, number>()
  for (const { health } of rows) counts.set(health.is, (counts.get(health.is) ?? 0) + 1)
  return `${plural(rows.length, 'actor')}: ${[...counts].map(([is, count]) => `${count} ${is}`).join(', ')}`
}
