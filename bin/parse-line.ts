/**
 * A command line as words, flags of the command and flags of settings. Strictness is here and
 * not in the parser of Node, because a mistyped flag deserves the name it was meant for.
 */
import { parseArgs, type ParseArgsOptionsConfig } from 'node:util'
import { guessOf } from '#config/guess.ts'
import type { FlagValue } from '#config/read-settings.ts'
import { configFlag, flagsOfSettings, type SettingName } from '#config/settings.ts'
import { duration } from '#config/value-type.ts'
import { Fault } from '#protocol/fault.ts'
import type { Call, Command, Flag, SettingsTaken } from './command.ts'

export const commonFlags: Readonly<Record<string, Flag>> = {
  json: { type: 'yes', about: 'Prints JSON for programs.' },
  help: { type: 'yes', about: 'Prints this.' },
}

export type ParsedLine = Pick<Call, 'words' | 'text' | 'is' | 'ms' | 'count'> & {
  readonly settings: Readonly<Record<string, FlagValue>>
}

const connection = /^(realm|servers|dir|auth\..*|tls\..*|log\.level|ask\.queryMs)$/

/** The settings that a command takes as flags, by the name of the flag. */
export function settingFlags(
  taken: SettingsTaken,
): ReadonlyMap<string, { readonly type: 'string' | 'boolean'; readonly setting: SettingName | undefined }> {
  if (taken === 'none') return new Map()
  const flags = flagsOfSettings().filter(
    ({ name, setting }) => taken === 'all' || name === configFlag || connection.test(setting ?? ''),
  )
  return new Map(flags.map((flag) => [flag.name, flag]))
}

export function parseLine(command: Command, args: readonly string[]): ParsedLine {
  const own = { ...commonFlags, ...command.flags }
  const settings = settingFlags(command.settings)
  const options: ParseArgsOptionsConfig = { help: { type: 'boolean', short: 'h' } }
  for (const [name, { type }] of settings) options[name] = { type }
  for (const [name, { type }] of Object.entries(own))
    if (name !== 'help') options[name] = { type: type === 'text' ? 'string' : 'boolean' }

  const { tokens } = parseArgs({ args: [...args], options, strict: false, allowPositionals: true, tokens: true })
  const words: string[] = []
  const given = new Map<string, string | true>()
  for (const token of tokens) {
    if (token.kind === 'positional') words.push(token.value)
    if (token.kind !== 'option') continue
    const { name, rawName, value, inlineValue } = token
    const option = Object.hasOwn(options, name) ? options[name] : undefined
    if (option === undefined) throw unknownFlag(command, rawName, Object.keys(options))
    if (option.type === 'boolean' && value !== undefined) throw wrong(command, `The flag ${rawName} takes no value.`)
    if (option.type === 'string' && (value === undefined || (!inlineValue && /^--?[a-z]/i.test(value)))) {
      throw wrong(command, `The flag ${rawName} needs a value, for example ${rawName} ${own[name]?.value ?? 'value'}.`)
    }
    given.set(name, value ?? true)
  }
  checkChoices(command, own, given)

  const text = (flag: string): string | undefined => {
    const value = given.get(flag)
    return value === true ? undefined : value
  }
  return {
    words,
    text,
    is: (flag) => given.has(flag),
    ms: (flag, fallback) => read(command, flag, text(flag), duration({ min: 0, max: 365 * 86_400_000 })) ?? fallback,
    count: (flag, fallback) => {
      const value = text(flag)
      if (value === undefined) return fallback
      if (!/^\d{1,15}$/.test(value)) throw wrong(command, `--${flag} is "${value}"; it must be a whole number.`)
      return Number(value)
    },
    settings: Object.fromEntries([...given].filter(([name]) => settings.has(name) && !Object.hasOwn(own, name))),
  }
}

function read<T>(
  command: Command,
  flag: string,
  raw: string | undefined,
  type: { readonly must: string; read(raw: unknown): T | undefined },
): T | undefined {
  if (raw === undefined) return undefined
  const value = type.read(raw)
  if (value === undefined) throw wrong(command, `--${flag} is "${raw}"; it must be ${type.must}.`)
  return value
}

function checkChoices(
  command: Command,
  flags: Readonly<Record<string, Flag>>,
  given: ReadonlyMap<string, string | true>,
): void {
  for (const [name, value] of given) {
    const choices = flags[name]?.choices
    if (choices === undefined || value === true || choices.includes(value)) continue
    throw wrong(command, `--${name} is "${value}"; it must be one of ${choices.join(', ')}.`)
  }
}

function unknownFlag(command: Command, name: string, names: readonly string[]): Fault {
  const guess = guessOf(name.replace(/^-+/, ''), names)
  const meant = guess === undefined ? '' : ` Did you mean --${guess}?`
  return wrong(command, `There is no flag ${name} for "perdure ${command.name}".${meant}`)
}

/** A mistake in how a command was called, with where to read on. */
export function wrong({ name }: Pick<Command, 'name'>, reason: string): Fault {
  return new Fault('usage.invalid', { reason: `${reason} See "perdure ${name} --help".` })
}
