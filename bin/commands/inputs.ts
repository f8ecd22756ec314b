/** `perdure inputs`: what an actor was given, in the order in which it was stepped. */
import type { Call, Command } from '#bin/command.ts'
import { clip, table, timeText } from '#bin/layout.ts'
import { wrong } from '#bin/parse-line.ts'
import { systemClock } from '#runtime/index.ts'
import { type InputLine, inputLineOf } from '#runtime/past/input-lines.ts'

export const command: Command = {
  name: 'inputs',
  title: 'what an actor was given, in order: envelopes, timers, results',
  usage: ['<address> [--from <cut | place | time>] [--until <cut | place | time>]'],
  about: [
    'The exact envelopes that it consumed, with who sent them and what led to them, and what never was on the log as an entry for it: its timers, emitted events that it followed, notes of its node. What changed nothing (a copy, a late result) is left out.',
    'With --json each line holds the input whole, and "perdure debug --inputs" reads them again: take lines out, or edit the event of one and remove its "exact".',
  ],
  examples: [
    'inputs order/42',
    'inputs order/42 --from before-deploy --until 10m',
    'inputs order/42 --json > inputs.jsonl',
  ],
  flags: {
    from: { type: 'text', value: 'before-deploy', about: 'Behind this instant; by default from its beginning.' },
    until: { type: 'text', value: '10m', about: 'Up to this instant; by default up to now.' },
    limit: { type: 'text', value: '10000', about: 'At most so many commits; 10,000 by default.' },
  },
  settings: 'connection',
  json: 'A line for each: {"n","record","at","seq","by","type","from","sender","cause","mark","event","effect","exact"}.',
  async run(call) {
    const [text, extra] = call.words
    if (text === undefined || extra !== undefined) throw wrong(command, 'Name one actor, for example order/42.')
    const { past } = await call.realm()
    const stretch = { from: call.text('from'), until: call.text('until'), limit: call.count('limit', 10_000) }
    const lines: InputLine[] = []
    for await (const input of past.inputs(text, stretch)) {
      if (call.json) call.out.json(inputLineOf(input))
      else lines.push(inputLineOf(input))
    }
    if (!call.json) print(call, lines)
    return 0
  },
}

function print({ out }: Call, lines: readonly InputLine[]): void {
  if (lines.length === 0) return out.line('It was given nothing in that time.')
  const now = systemClock.now()
  const columns = [
    { head: 'COMMIT' },
    { head: 'TIME' },
    { head: 'ENVELOPE' },
    { head: 'FROM', most: 24 },
    { head: 'TYPE', most: 24 },
    { head: 'EVENT' },
  ]
  const rows = lines.map((line) => [
    String(line.n),
    timeText(line.at, now),
    line.seq === 0 ? line.by : String(line.seq),
    line.from ?? senderText(line),
    clip(line.type, 24),
    [line.mark ?? '', line.by === 'unknown' ? 'not on the log any more' : eventText(line)]
      .filter((one) => one !== '')
      .join('; '),
  ])
  for (const row of table(columns, rows, out.width)) out.line(row)
}

function senderText({ sender }: InputLine): string {
  return sender === 'x' ? 'outside' : sender === 'e' ? 'effect' : sender === 'c' ? 'operator' : ''
}

function eventText({ event, effect }: InputLine): string {
  const { type: _, ...rest } = (event ?? {}) as Record<string, unknown>
  const said = Object.keys(rest).length === 0 ? '' : JSON.stringify(rest)
  return [effect === undefined ? '' : `effect ${effect}`, said].filter((one) => one !== '').join(' ')
}
