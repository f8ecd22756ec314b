/**
 * Which value is in force and where it comes from: flag before variable before file before
 * default. Pure: what was typed, set and written is handed in. A name that nobody knows and a
 * value that does not fit are faults, because a setting that is silently ignored is found out
 * about on the worst day.
 */
import { isAbsolute, resolve } from 'node:path'
import { Fault } from '#protocol/fault.ts'
import { guessOf } from './guess.ts'
import type { Surroundings } from './setting.ts'
import {
  configFlag,
  configVariable,
  namesByFlag,
  namesByVariable,
  settingNames,
  settings,
  type SettingName,
} from './settings.ts'

export type Source = {
  readonly is: 'flag' | 'environment' | 'file' | 'default'
  /** As a person would look for it: `--port`, `PERDURE_SERVER_PORT`, a path. */
  readonly text: string
}

export type FlagValue = string | boolean | readonly string[] | undefined

export type SettingsFile = {
  readonly path: string
  /** What paths in it are relative to. */
  readonly dir: string
  readonly content: Readonly<Record<string, unknown>>
}

export type ReadInput = {
  readonly flags: Readonly<Record<string, FlagValue>>
  readonly file: SettingsFile | undefined
  readonly surroundings: Surroundings
}

export type ReadValue = { readonly value: unknown; readonly source: Source }

export type ReadSettings = Readonly<Record<SettingName, ReadValue>>

type Given = { readonly raw: unknown; readonly source: Source; readonly dir: string }

export function readSettings({ flags, file, surroundings }: ReadInput): ReadSettings {
  const { env, cwd } = surroundings
  const given = new Map<SettingName, Given>([
    ...(file === undefined ? [] : givenByFile(file)),
    ...givenByEnvironment(env, cwd),
    ...givenByFlags(flags, cwd),
  ])
  const entries = settingNames.map((name) => [name, valueOf(name, given.get(name), surroundings)] as const)
  const read = Object.fromEntries(entries) as Record<SettingName, ReadValue>
  checkPairs(read)
  return read
}

function givenByFlags(flags: ReadInput['flags'], dir: string): readonly (readonly [SettingName, Given])[] {
  return Object.entries(flags).flatMap(([flag, raw]) => {
    if (raw === undefined || flag === configFlag) return []
    const name = namesByFlag.get(flag)
    if (name === undefined)
      throw unknown(
        `--${flag}`,
        'the command line',
        [...namesByFlag.keys()].map((each) => `--${each}`),
      )
    return [[name, { raw, dir, source: { is: 'flag', text: `--${flag}` } }] as const]
  })
}

function givenByEnvironment(env: Surroundings['env'], dir: string): readonly (readonly [SettingName, Given])[] {
  return Object.entries(env).flatMap(([variable, raw]) => {
    if (!variable.startsWith('PERDURE_') || raw === undefined || raw === '' || isForeign(variable, raw)) return []
    const name = namesByVariable.get(variable)
    if (name === undefined) throw unknown(variable, 'the environment', [...namesByVariable.keys(), configVariable])
    return [[name, { raw, dir, source: { is: 'environment', text: variable } }] as const]
  })
}

/** Container orchestrators describe what else runs there in variables that may have this prefix; tests bring their own. */
function isForeign(variable: string, raw: string): boolean {
  if (variable === configVariable || variable.startsWith('PERDURE_TEST_')) return true
  return /_SERVICE_(HOST|PORT)|_PORT_\d+_(TCP|UDP)/.test(variable) || /^(tcp|udp):\/\//.test(raw)
}

function givenByFile({ path, dir, content }: SettingsFile): readonly (readonly [SettingName, Given])[] {
  return flatten(content).map(([name, raw]) => {
    if (!(name in settings)) throw unknown(name, path, settingNames)
    return [name as SettingName, { raw, dir, source: { is: 'file', text: path } }] as const
  })
}

/** `{"server": {"port": 1}}` and `{"server.port": 1}` mean the same. */
function flatten(content: object, prefix = ''): readonly (readonly [string, unknown])[] {
  return Object.entries(content).flatMap(([key, value]: [string, unknown]) => {
    const name = `${prefix}${key}`
    if (name === '$schema') return []
    const isGroup = typeof value === 'object' && value !== null && !Array.isArray(value) && !(name in settings)
    return isGroup ? flatten(value, `${name}.`) : [[name, value] as const]
  })
}

function unknown(name: string, source: string, names: readonly string[]): Fault {
  return new Fault('config.unknown', { name, source, guess: guessOf(name, names) })
}

function valueOf(name: SettingName, given: Given | undefined, surroundings: Surroundings): ReadValue {
  const { type, isPath } = settings[name]
  if (given === undefined) {
    const value = settings[name].default(surroundings)
    return {
      value: isPath === true ? absolute(value, surroundings.cwd) : value,
      source: { is: 'default', text: 'default' },
    }
  }
  const { raw, source, dir } = given
  const value = type.read(raw)
  if (value === undefined) throw invalid(name, raw, source, type.must)
  return { value: isPath === true ? absolute(value, dir) : value, source }
}

function absolute(value: unknown, dir: string): unknown {
  return typeof value !== 'string' || isAbsolute(value) ? value : resolve(dir, value)
}

function invalid(name: SettingName, raw: unknown, { is, text }: Source, want: string): Fault {
  const shown =
    settings[name].isSecret === true ? '(hidden)' : typeof raw === 'string' ? raw : (JSON.stringify(raw) ?? String(raw))
  // What stands before an @ is a user and a password, in whatever was taken for an address.
  const value = shown.replace(/[^\s,"/@]*@/g, '(hidden)@')
  return new Fault('config.invalid', { name, value, source: is === 'default' ? is : text, want })
}

/** What only makes sense together. */
const pairs: readonly (readonly [SettingName, SettingName])[] = [
  ['server.archiveUrl', 'server.archiveSha256'],
  ['auth.user', 'auth.pass'],
  ['tls.certFile', 'tls.keyFile'],
]

function checkPairs(read: ReadSettings): void {
  for (const [one, other] of pairs) {
    for (const [present, absent] of [
      [one, other],
      [other, one],
    ] as const) {
      if (read[present].value === undefined || read[absent].value !== undefined) continue
      const { type } = settings[absent]
      throw new Fault('config.invalid', {
        name: absent,
        value: '',
        source: 'nowhere',
        want: `${type.must}, because ${present} is set (${read[present].source.text})`,
      })
    }
  }
}
