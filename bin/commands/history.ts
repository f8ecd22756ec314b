/** `perdure history`: the past of an actor, or of a topic, in the order in which it happened. */
import type { Call, Command } from '#bin/command.ts'
import { clip, table, timeText } from '#bin/layout.ts'
import { addressText } from '#bin/look.ts'
import { wrong } from '#bin/parse-line.ts'
import { type Read, readEntry } from '#bin/read-entry.ts'
import { topicOf } from '#bin/topic.ts'
import { Fault } from '#protocol/fault.ts'
import { type Operations, parseAddress, type RealmHandle, systemClock } from '#runtime/index.ts'
import { readThrough } from '#runtime/partition/read-through.ts'

export type HistoryLines = Awaited<ReturnType<Operations['history']>>

export const command: Command = {
  name: 'history',
  title: 'the steps of an actor, or the events of a topic, in order',
  usage: ['<address> [--limit 20] [--events]', 'topic <pattern> [--from seq] [--limit 50]'],
  about: [
    'Of an actor: each step with the envelope that led to it (its place on the log; a timer has none), and the choice that was made where the kind records decisions. --events reads the events themselves from the log, as long as they are in its window.',
    'Of a topic: what machines emitted, by time and sender, oldest first. A pattern is kind.key.type, with * for one part and > for the rest.',
  ],
  examples: [
    'history order/42',
    'history order/42 --events --json',
    "history topic 'order.*.PAID'",
    "history topic 'room.lobby.>' --from 1200",
  ],
  flags: {
    limit: { type: 'text', value: '20', about: 'At most so many, the newest: 20 steps, or 50 events, by default.' },
    before: { type: 'text', value: 'n', about: 'Of an actor: only commits before this number.' },
    events: { type: 'yes', about: 'Of an actor: with the events themselves.' },
    from: { type: 'text', value: 'seq', about: 'Of a topic: from this place on the log, oldest first.' },
  },
  settings: 'connection',
  json: 'A line for each step {"seq","at","type","n","record","mark","decision","event"}, or event {"seq","at","from","type","event"}.',
  verbs: ['topic'],
  async run(call) {
    const [word, pattern, extra] = call.words
    if (word === undefined) throw wrong(command, 'Of what? Name an actor (order/42), or: topic <pattern>.')
    if (word === 'topic') {
      if (pattern === undefined || extra !== undefined)
        throw wrong(command, "Name one pattern, for example: topic 'order.*.PAID'.")
      await topicHistory(call, topicOf(pattern))
      return 0
    }
    if (pattern !== undefined) throw wrong(command, `"${pattern}" is one word too many; one actor can be named.`)
    await actorHistory(call, word)
    return 0
  },
}

type Step = {
  readonly seq: number
  readonly at: number
  readonly type: string
  readonly n: number
  readonly record: number
  readonly mark?: string | undefined
  readonly decision?: Decision | undefined
  readonly event?: Read | undefined
}

type Decision = NonNullable<HistoryLines[number]['steps'][number]['decision']>

async function actorHistory(call: Call, text: string): Promise<void> {
  const realm = await call.realm()
  const address = parseAddress(text)
  const limit = call.count('limit', 20)
  const before = call.text('before') === undefined ? undefined : call.count('before', 0)
  const lines = await realm.operate.history(address, { limit, ...(before === undefined ? {} : { before }) })
  if (lines.length === 0 && (await realm.operate.show(address)) === undefined)
    throw new Fault('actor.unknown', { value: text })
  // The store gives the newest first; a past is read forwards.
  const steps: Step[] = lines
    .toReversed()
    .flatMap(({ n, seq: record, at, steps: all }) => all.map((step) => ({ ...step, at, n, record })))
  const shown = call.is('events') ? await withEvents(realm, steps) : steps
  const last = shown.slice(-limit)
  if (call.json) {
    for (const { seq, at, type, n, record, mark, decision, event } of last) {
      call.out.json({
        seq,
        at,
        type,
        n,
        record,
        mark,
        decision,
        ...(event?.is === 'to' ? { from: event.from, event: event.event } : {}),
      })
    }
    return
  }
  if (last.length === 0) return call.out.line('Its steps are older than the history that is kept.')
  const now = systemClock.now()
  const rows = last.map((step) => [
    step.seq === 0 ? 'timer' : String(step.seq),
    timeText(step.at, now),
    clip(step.type, 32),
    notesOf(step),
  ])
  for (const line of table(
    [{ head: 'ENVELOPE' }, { head: 'TIME' }, { head: 'TYPE', most: 32 }, { head: '' }],
    rows,
    call.out.width,
  ))
    call.out.line(line)
}

function notesOf({ mark, decision, event }: Step): string {
  const chosen = decision?.options.find((option) => option.chosen)
  const parts = [
    mark ?? '',
    chosen === undefined
      ? decision === undefined
        ? ''
        : 'chose nothing'
      : `chose ${chosen.target.join(', ') || 'to stay'}${chosen.guard === undefined ? '' : ` (${chosen.guard})`}`,
    event?.is === 'to' ? `${event.from === undefined ? '' : `from ${event.from} `}${JSON.stringify(event.event)}` : '',
  ]
  return parts.filter((part) => part !== '').join('; ')
}

async function withEvents(realm: RealmHandle, steps: readonly Step[]): Promise<Step[]> {
  const found: Step[] = []
  for (const step of steps) {
    const entry = step.seq === 0 ? undefined : await realm.bus.get(step.seq)
    found.push({ ...step, event: entry === undefined ? undefined : readEntry(entry) })
  }
  return found
}

async function topicHistory(call: Call, pattern: string): Promise<void> {
  const realm = await call.realm()
  const limit = call.count('limit', 50)
  const from = call.text('from') === undefined ? undefined : call.count('from', 1)
  const found: Extract<Read, { is: 'ev' }>[] = []
  await readThrough(
    realm.bus,
    `${realm.name}.ev.${pattern}`,
    (entry) => {
      const read = readEntry(entry)
      if (read?.is === 'ev') found.push(read)
      if (from !== undefined) return found.length < limit
      // Without a beginning the newest are wanted, and only the end of the log knows which they are.
      if (found.length > limit) found.shift()
      return true
    },
    from ?? 1,
  )
  if (call.json) {
    for (const { seq, at, from: sender, type, event } of found) call.out.json({ seq, at, from: sender, type, event })
    return
  }
  if (found.length === 0) return call.out.line(`Nothing that fits ${pattern} is on the log.`)
  const now = systemClock.now()
  const rows = found.map(({ seq, at, from: sender, event: { type, ...rest } }) => [
    String(seq),
    timeText(at, now),
    addressText(sender),
    type,
    Object.keys(rest).length === 0 ? '' : JSON.stringify(rest),
  ])
  const columns = [
    { head: 'SEQ' },
    { head: 'TIME' },
    { head: 'FROM', most: 24 },
    { head: 'TYPE', most: 20 },
    { head: 'EVENT' },
  ]
  for (const line of table(columns, rows, call.out.width)) call.out.line(line)
}
