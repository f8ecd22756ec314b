/**
 * The configuration of this process: the only reader of the environment and of the one file.
 * Everything below takes values; nothing below knows where they came from.
 */
import { readFileSync } from 'node:fs'
import { availableParallelism, hostname } from 'node:os'
import { dirname, resolve } from 'node:path'
import { Fault } from '#protocol/fault.ts'
import { explain, type ConfigRow } from './explain.ts'
import { readSettings, type FlagValue, type ReadSettings, type SettingsFile, type Source } from './read-settings.ts'
import {
  clusterNames,
  configFlag,
  configVariable,
  nodeNames,
  type ClusterSettings,
  type NodeSettings,
  type SettingName,
} from './settings.ts'

export type ConfigInput = {
  /** Flags of settings as the command line's parser gives them, without dashes; those of commands are left out. */
  readonly flags?: Readonly<Record<string, FlagValue>>
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly cwd?: string
}

export type Config = {
  readonly cluster: ClusterSettings
  readonly node: NodeSettings
  sourceOf(name: SettingName): Source
  /** Whether somebody set it, in any way. */
  isSet(name: SettingName): boolean
  /** The file that was read. */
  readonly file: string | undefined
  /** The PATH of this process, for whoever looks for programs. */
  readonly searchPath: string
  explain(): readonly ConfigRow[]
}

export function openConfig({ flags = {}, env = process.env, cwd = process.cwd() }: ConfigInput = {}): Config {
  const file = readConfigFile(flags[configFlag], env[configVariable], cwd)
  const here = { env, cwd, host: hostname(), cores: availableParallelism() }
  // Some defaults depend on the directory, which is a setting itself.
  const { value: dir } = readSettings({ flags, file, surroundings: { ...here, dir: '' } }).dir
  const surroundings = { ...here, dir: resolve(cwd, String(dir)) }
  const read = readSettings({ flags, file, surroundings })
  return {
    cluster: pick<ClusterSettings>(read, clusterNames),
    node: pick<NodeSettings>(read, nodeNames),
    sourceOf: (name) => read[name].source,
    isSet: (name) => read[name].source.is !== 'default',
    file: file?.path,
    searchPath: env['PATH'] ?? '',
    explain: () => explain(read, surroundings),
  }
}

/** Each value was read by the type that its setting has, which the table of settings knows and the record does not. */
function pick<T extends object>(read: ReadSettings, names: readonly (keyof T & SettingName)[]): T {
  return Object.fromEntries(names.map((name) => [name, read[name].value])) as T
}

const fileName = 'perdure.json'

function readConfigFile(flag: FlagValue, variable: string | undefined, cwd: string): SettingsFile | undefined {
  const named = typeof flag === 'string' && flag !== '' ? flag : variable || undefined
  const path = resolve(cwd, named ?? fileName)
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    const { code, message: reason } = cause as NodeJS.ErrnoException
    if (named === undefined && code === 'ENOENT') return undefined
    throw new Fault(
      'config.unreadable',
      { value: path, reason: code === 'ENOENT' ? 'there is no such file' : reason },
      { cause },
    )
  }
  return { path, dir: dirname(path), content: parseObject(text, path) }
}

function parseObject(text: string, path: string): Readonly<Record<string, unknown>> {
  let value: unknown
  try {
    value = JSON.parse(text.replace(/^\uFEFF/, ''))
  } catch (cause) {
    throw new Fault(
      'config.unreadable',
      { value: path, reason: cause instanceof Error ? cause.message : String(cause) },
      { cause },
    )
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  throw new Fault('config.unreadable', {
    value: path,
    reason: 'it must hold one JSON object, for example {"realm": "shop"}',
  })
}
