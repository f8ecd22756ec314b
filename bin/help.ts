/** The help, made from what the commands say of themselves. */
import { settings as allSettings } from '#config/settings.ts'
import type { Command } from './command.ts'
import { commands, loadAll } from './commands.ts'
import { exitCodes } from './exit-codes.ts'
import { pad, wrap } from './layout.ts'
import type { Output } from './output.ts'
import { commonFlags, settingFlags } from './parse-line.ts'

const width = 80

export async function overview(out: Output): Promise<void> {
  const all = await loadAll()
  out.line(`${out.style('bold', 'perdure')}: durable actors. XState machines over NATS JetStream, exactly once.`)
  out.line()
  out.line('  perdure <command> [words] [flags]')
  out.line()
  for (const { name, title } of all) out.line(`  ${out.style('bold', pad(name, 11))} ${title}`)
  out.line()
  out.line('First steps:')
  out.line('  perdure up                              starts a server and a node here')
  out.line('  perdure send order/42 PLACE amount=20   sends an event to an actor')
  out.line('  perdure show order/42                   what became of it')
  out.line()
  out.line('perdure <command> --help explains one; every command has --json.')
  out.line('perdure help exit-codes lists what a script can rely on.')
}

export function helpOf(out: Output, command: Command): void {
  const { name, title, usage, about, examples, json } = command
  out.line(`${out.style('bold', `perdure ${name}`)}: ${title}`)
  out.line()
  for (const words of usage) out.line(`  perdure ${name} ${words}`.trimEnd())
  for (const paragraph of about) {
    out.line()
    for (const line of wrap(paragraph, width)) out.line(line)
  }
  out.line()
  out.line(examples.length === 1 ? 'Example:' : 'Examples:')
  for (const line of examples) out.line(`  perdure ${line}`)
  out.line()
  out.line('Flags:')
  const rows = Object.entries({ ...command.flags, ...commonFlags }).map(
    ([flag, { type, value, about: says, choices }]) => {
      const shown = type === 'text' ? `--${flag} <${value ?? 'value'}>` : `--${flag}`
      return [shown, choices === undefined ? says : `${says} One of ${choices.join(', ')}.`] as const
    },
  )
  for (const [flag, says] of [
    ...rows.slice(0, -2),
    ['--json', json.replaceAll('","', '", "')] as const,
    ...rows.slice(-1),
    ...settingRows(command),
  ]) {
    twoColumns(out, flag, says)
  }
}

/** The settings that people change most; the rest is for `perdure config`. */
const named = [
  'realm',
  'servers',
  'dir',
  'actors.module',
  'server.port',
  'durability',
  'health.port',
  'log.level',
  'log.format',
] as const

function settingRows(command: Command): readonly (readonly [string, string])[] {
  const flags = [...settingFlags(command.settings)]
  if (flags.length === 0) return []
  const rows = named.flatMap((name) => {
    const flag = flags.find(([, { setting }]) => setting === name)
    return flag === undefined ? [] : [[`--${flag[0]} <value>`, allSettings[name].reason] as const]
  })
  return [
    ...rows,
    [
      '--<setting> <value>',
      `Any other setting: perdure config lists ${command.settings === 'all' ? 'them' : 'them; here auth and tls'}.`,
    ],
  ]
}

const flagWidth = 22

function twoColumns(out: Output, left: string, right: string): void {
  const [first = '', ...rest] = wrap(right, width - flagWidth - 4)
  if (left.length > flagWidth) {
    out.line(`  ${left}`)
    for (const line of [first, ...rest]) out.line(`  ${' '.repeat(flagWidth)}  ${line}`)
    return
  }
  out.line(`  ${pad(left, flagWidth)}  ${first}`)
  for (const line of rest) out.line(`  ${' '.repeat(flagWidth)}  ${line}`)
}

export function exitCodeHelp(out: Output): void {
  out.line('What the process says at its end:')
  out.line()
  for (const [code, means] of exitCodes) {
    const [first = '', ...rest] = wrap(means, width - 8)
    out.line(`  ${String(code).padStart(3)}   ${first}`)
    for (const line of rest) out.line(`        ${line}`)
  }
}

export const commandNames = Object.keys(commands)
