/** Every setting as a row for `perdure config`: what is in force, from where, and why the default is what it is. */
import type { ReadSettings } from './read-settings.ts'
import { envNameOf, flagNameOf, type Setting, type Surroundings } from './setting.ts'
import { clusterNames, settingNames, settings } from './settings.ts'

export type ConfigRow = {
  readonly name: string
  /** As it could be written again; a secret is only said to be set. */
  readonly value: string
  /** What a plain number means. */
  readonly unit: string
  readonly source: string
  readonly default: string
  readonly reason: string
  /** Whether all nodes must agree on it. */
  readonly scope: 'cluster' | 'node'
  readonly flag: string
  readonly variable: string
}

export function explain(read: ReadSettings, surroundings: Surroundings): readonly ConfigRow[] {
  const cluster = new Set<string>(clusterNames)
  return settingNames.map((name) => {
    const setting = settings[name]
    const { value, source } = read[name]
    return {
      name,
      value: shown(setting, value),
      unit: setting.type.unit,
      source: source.text,
      default: shown(setting, setting.default(surroundings)),
      reason: setting.reason,
      scope: cluster.has(name) ? 'cluster' : 'node',
      flag: `--${flagNameOf(name, setting)}`,
      variable: envNameOf(name, setting),
    }
  })
}

function shown({ type, isSecret }: Setting<unknown>, value: unknown): string {
  if (value === undefined) return ''
  return isSecret === true ? '(set)' : type.write(value)
}
