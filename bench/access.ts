/** How a program of a work reaches the log: the defaults of all settings, plus where things are. */
import { openConfig, type Config } from '#config/open-config.ts'
import type { Login } from '#runtime/server/credentials.ts'

export type Access = {
  readonly url: string
  readonly auth: Login
  readonly realm: string
  readonly dir: string
  readonly durability: 'process' | 'power'
}

export function configFor(
  { url, realm, dir, durability }: Access,
  flags: Readonly<Record<string, string>> = {},
): Config {
  return openConfig({ flags: { servers: url, realm, dir, durability, ...flags }, cwd: dir })
}
