/**
 * The directory in which a node of a fork lives on this machine, below that of its parent: with a
 * store of its own, the login that leads to the servers, and the key of the cuts. Invariant: nothing
 * of the parent's directory is used by two nodes at a time.
 */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { configOfRealm } from '#config/config-of-realm.ts'
import type { Config } from '#config/open-config.ts'
import { cutKeyFile, keyPlaceOf } from '#config/options.ts'
import { nodeLoginFile } from '#runtime/server/credentials.ts'
import { readSecretFile, replaceSecretFile } from '#runtime/server/secret-file.ts'
import { makeEach } from '#bin/make-dir.ts'

export function forkDirOf({ node }: Config, fork: string): string {
  return join(node.dir, 'forks', fork)
}

/** What its node needs to connect, and to read what the cut is sealed with. */
export async function makeForkDir(config: Config, fork: string): Promise<string> {
  const dir = forkDirOf(config, fork)
  makeEach(dir)
  const copies = [
    [nodeLoginFile(config.node.dir), nodeLoginFile(dir)],
    [keyPlaceOf(config).file, cutKeyFile(dir)],
  ] as const
  for (const [from, to] of copies) {
    const text = from === to ? undefined : await readSecretFile(from)
    if (text !== undefined) await replaceSecretFile(to, text)
  }
  return dir
}

export async function removeForkDir(config: Config, fork: string): Promise<void> {
  await rm(forkDirOf(config, fork), { recursive: true, force: true })
}

/** As its node reads it; a port that the parent's node answers on is not for both. */
export function forkConfigOf(config: Config, fork: string): Config {
  const { node, isSet, ...rest } = configIn(configOfRealm(config, fork), forkDirOf(config, fork))
  const port = isSet('health.port') ? node['health.port'] : 0
  return { ...rest, isSet, node: { ...node, 'health.port': port } }
}

function configIn(config: Config, dir: string): Config {
  return { ...config, node: { ...config.node, dir } }
}

/** What a person types to serve it. */
export function nodeCommandOf({ node, isSet }: Config, fork: string, dir: string): string {
  const flags = [
    ['--realm', fork],
    ['--dir', dir],
    ...(isSet('servers') ? [['--servers', node.servers.join(',')]] : []),
    ...(isSet('actors.module') ? [['--actors', node['actors.module'] ?? '']] : []),
    ['--health-port', '0'],
  ]
  return `perdure node ${flags.map(([flag, value]) => `${flag} ${wordOf(value ?? '')}`).join(' ')}`
}

function wordOf(text: string): string {
  return /^[\w./:,@%+=-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`
}
