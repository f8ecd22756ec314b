/**
 * The credentials that a person configured, with the files they stand in already read. None
 * means: those that the first start made in the node's directory.
 */
import { readFileSync } from 'node:fs'
import { Fault } from '#protocol/fault.ts'
import type { Config } from './open-config.ts'
import type { SettingName } from './settings.ts'

export type ConfiguredAuth =
  | { readonly user: string; readonly pass: string }
  | { readonly token: string }
  /** The text of a .creds file. */
  | { readonly creds: string }
  /** The seed of an nkey. */
  | { readonly nkey: string }

const ways = ['auth.user', 'auth.token', 'auth.credsFile', 'auth.nkeyFile'] as const satisfies readonly SettingName[]

export function readAuth(config: Config): ConfiguredAuth | undefined {
  const { node } = config
  const [way, second] = ways.filter((name) => node[name] !== undefined)
  if (second !== undefined) {
    const { text } = config.sourceOf(second)
    throw new Fault('config.invalid', {
      name: second,
      value: '(set)',
      source: text,
      want: `left out, because ${way} is set too`,
    })
  }
  const {
    'auth.user': user,
    'auth.pass': pass,
    'auth.token': token,
    'auth.credsFile': creds,
    'auth.nkeyFile': nkey,
  } = node
  if (user !== undefined && pass !== undefined) return { user, pass }
  if (token !== undefined) return { token }
  if (creds !== undefined) return { creds: readText(creds) }
  if (nkey !== undefined) return { nkey: readText(nkey).trim() }
  return undefined
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new Fault('config.unreadable', { value: file, reason: (cause as Error).message }, { cause })
  }
}
