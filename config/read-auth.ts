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
  if (creds !== undefined) return { creds: readText(config, 'auth.credsFile', creds) }
  if (nkey !== undefined) return { nkey: seedOf(readText(config, 'auth.nkeyFile', nkey)) }
  return undefined
}

/** Other lines of such a file are remarks, or the public key. */
function seedOf(text: string): string {
  return /^\s*(S[A-Z2-7]{57})\s*$/m.exec(text)?.[1] ?? text.trim()
}

/** A seed, a JWT or a whole .creds file, where a path belongs. */
const secret = /(?:^|[/\\])S[A-Z2-7]{57}$|(?:^|[/\\])eyJ[\w-]+\.|-----BEGIN/

function readText(config: Config, name: SettingName, file: string): string {
  // Who gives the secret where its file is asked for must not read it again in an error.
  if (secret.test(file)) {
    const { text: source } = config.sourceOf(name)
    throw new Fault('config.invalid', { name, value: '(hidden)', source, want: 'the path of a file that holds it' })
  }
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new Fault('config.unreadable', { value: file, reason: (cause as Error).message }, { cause })
  }
}
