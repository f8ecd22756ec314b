/** `perdure config`: what is in force, and who said so. */
import type { Call, Command } from '#bin/command.ts'
import { clip, table, wrap } from '#bin/layout.ts'
import { wrong } from '#bin/parse-line.ts'
import type { ConfigRow } from '#config/explain.ts'
import { guessOf } from '#config/guess.ts'
import { Fault } from '#protocol/fault.ts'

export const command: Command = {
  name: 'config',
  title: 'shows the settings in force and where each comes from',
  usage: ['[setting or part of a name] [--set]'],
  about: [
    'A setting is a flag, or else an environment variable, or else a line of perdure.json in the working directory (or of the file that --config or PERDURE_CONFIG names), or else its default. The file is one JSON object: {"realm": "shop", "server": {"port": 4333}}. Whatever is misspelt or does not fit is refused at the start.',
  ],
  examples: ['config', 'config durability', 'config server --json', 'config --set --port 4333'],
  flags: { set: { type: 'yes', about: 'Only those that somebody set.' } },
  settings: 'all',
  json: 'A line for each: {"name","value","unit","source","default","reason","scope","flag","variable"}.',
  async run(call) {
    const [word, extra] = call.words
    if (extra !== undefined) throw wrong(command, `"${extra}" is one word too many; one setting can be named.`)
    const all = call.config.explain()
    const exact = all.find(({ name }) => name === word)
    const fitting =
      exact === undefined
        ? all.filter(({ name }) => word === undefined || name.toLowerCase().includes(word.toLowerCase()))
        : [exact]
    const names = all.map(({ name }) => name)
    if (word !== undefined && fitting.length === 0)
      throw new Fault('config.unknown', { name: word, source: 'the command line', guess: guessOf(word, names) })
    const shown = call.is('set') ? fitting.filter(({ source }) => source !== 'default') : fitting
    if (call.json) for (const row of shown) call.out.json(row)
    else if (word !== undefined && shown.length === 1 && shown[0] !== undefined) explain(call, shown[0])
    else list(call, shown)
    return 0
  },
}

function list(call: Call, rows: readonly ConfigRow[]): void {
  const { out } = call
  if (rows.length === 0) return out.line('Every setting has its default.')
  const cells = rows.map(({ name, value, source }) => [
    name,
    clip(value === '' ? '-' : value, 26),
    source === 'default' ? out.style('dim', source) : source,
  ])
  for (const line of table([{ head: 'SETTING' }, { head: 'VALUE', most: 26 }, { head: 'FROM' }], cells, out.width))
    out.line(line)
  out.line()
  out.line(
    out.style(
      'dim',
      `${call.config.file === undefined ? 'no perdure.json here' : `file: ${call.config.file}`}; perdure config <setting> explains one`,
    ),
  )
}

function explain(
  { out }: Call,
  { name, value, unit, source, default: usual, reason, scope, flag, variable }: ConfigRow,
): void {
  out.line(
    `${out.style('bold', name)} = ${value === '' ? '(not set)' : value}${unit === '' ? '' : out.style('dim', `   a plain number means ${unit}`)}`,
  )
  for (const line of wrap(reason, out.width)) out.line(line)
  out.line()
  const rows = [
    ['from', source],
    ['default', usual === '' ? '(none)' : usual],
    ['flag', flag],
    ['variable', variable],
    ['in the file', JSON.stringify({ [name]: value })],
    ['scope', scope === 'cluster' ? 'all nodes of a realm must agree on it' : 'may differ from node to node'],
  ]
  for (const line of table([{ head: '' }, { head: '' }], rows, out.width)) out.line(line)
}
