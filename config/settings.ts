/** All settings by name, the two types of their values, and how each is named elsewhere. */
import { clusterSettings } from './cluster-settings.ts'
import { cutSettings } from './cut-settings.ts'
import { memberSettings } from './member-settings.ts'
import { paceSettings } from './pace-settings.ts'
import { placeSettings } from './place-settings.ts'
import { envNameOf, flagNameOf, type Setting } from './setting.ts'

const nodeSettings = { ...placeSettings, ...memberSettings, ...paceSettings, ...cutSettings } as const

type ValuesOf<T extends Readonly<Record<string, Setting<unknown>>>> = {
  readonly [N in keyof T]: T[N] extends Setting<infer V> ? V : never
}

/** All nodes of a realm must agree on these. */
export type ClusterSettings = ValuesOf<typeof clusterSettings>

/** These may differ from node to node. */
export type NodeSettings = ValuesOf<typeof nodeSettings>

export type SettingName = keyof ClusterSettings | keyof NodeSettings

export const settings: Readonly<Record<SettingName, Setting<unknown>>> = { ...clusterSettings, ...nodeSettings }

export const settingNames = Object.keys(settings) as readonly SettingName[]

export const clusterNames = Object.keys(clusterSettings) as readonly (keyof ClusterSettings)[]

export const nodeNames = Object.keys(nodeSettings) as readonly (keyof NodeSettings)[]

/** Names a file instead of ./perdure.json; not a setting, because it says where they stand. */
export const configFlag = 'config'
export const configVariable = 'PERDURE_CONFIG'

export type FlagDescription = {
  readonly name: string
  readonly type: 'string' | 'boolean'
  readonly setting: SettingName | undefined
}

/** For the parser of the command line, its help and its completion. */
export function flagsOfSettings(): readonly FlagDescription[] {
  const own = settingNames.map((name) => {
    const { type } = settings[name]
    return {
      name: flagNameOf(name, settings[name]),
      type: type.read(true) === undefined ? ('string' as const) : ('boolean' as const),
      setting: name,
    }
  })
  return [{ name: configFlag, type: 'string', setting: undefined }, ...own]
}

export const namesByFlag: ReadonlyMap<string, SettingName> = new Map(
  settingNames.map((name) => [flagNameOf(name, settings[name]), name]),
)

export const namesByVariable: ReadonlyMap<string, SettingName> = new Map(
  settingNames.map((name) => [envNameOf(name, settings[name]), name]),
)
