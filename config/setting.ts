/** One setting as data: what it may be, what it is when nobody says, and why. */
import type { ValueType } from './value-type.ts'

/** What a default may depend on. */
export type Surroundings = {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  readonly host: string
  readonly cores: number
  /** Tells the nodes of one machine apart, also after a restart. */
  readonly dir: string
}

export type Setting<T> = {
  readonly type: ValueType<T>
  readonly default: (from: Surroundings) => T
  /** Why this is the default, or when to choose another. */
  readonly reason: string
  /** Without the dashes; by default made from the name. */
  readonly flag?: string | undefined
  /** By default made from the name. */
  readonly env?: string | undefined
  /** Never shown. */
  readonly isSecret?: boolean | undefined
  /** A path: relative to the working directory, or to the file in which it stands. */
  readonly isPath?: boolean | undefined
}

export type SettingExtras = Pick<Setting<unknown>, 'flag' | 'env' | 'isSecret' | 'isPath'>

export function setting<T>(type: ValueType<T>, value: T, reason: string, extras: SettingExtras = {}): Setting<T> {
  return { type, default: () => value, reason, ...extras }
}

/** A setting whose default depends on the machine. */
export function settingFrom<T>(
  type: ValueType<T>,
  from: (surroundings: Surroundings) => T,
  reason: string,
  extras: SettingExtras = {},
): Setting<T> {
  return { type, default: from, reason, ...extras }
}

/** `server.maxPayload` as `PERDURE_SERVER_MAX_PAYLOAD`. */
export function envNameOf(name: string, { env }: Pick<SettingExtras, 'env'>): string {
  return env ?? `PERDURE_${words(name).join('_').toUpperCase()}`
}

/** `server.maxPayload` as `server-max-payload`. */
export function flagNameOf(name: string, { flag }: Pick<SettingExtras, 'flag'>): string {
  return flag ?? words(name).join('-').toLowerCase()
}

function words(name: string): readonly string[] {
  return name.replace(/([a-z])([A-Z])/g, '$1.$2').split('.')
}
