/**
 * Where a nats-server that is new enough already is. The log is the truth, so the program that
 * keeps it is chosen with care: what a person configured is used or refused, never replaced
 * silently; anything else that is too old is passed over with a line that says so, because
 * Debian's own package is too old and nobody should have to remove it.
 */
import { join } from 'node:path'
import { Fault } from '#protocol/fault.ts'
import { isProgram, programsOnPath } from './run-command.ts'
import {
  askServerVersion,
  formatServerVersion,
  isAtLeast,
  parseServerVersion,
  type ServerVersion,
} from './server-version.ts'

export type FindOptions = {
  /** A path that a person gave. */
  readonly configured?: string | undefined
  /** The PATH of this process. */
  readonly searchPath: string
  readonly cacheDir: string
  /** For example `2.12.1`. */
  readonly minimum: string
  readonly onNote: (line: string) => void
}

export type FoundServer = {
  readonly binary: string
  readonly version: string
  readonly from: 'configured' | 'path' | 'cache'
}

/** Where a fetched server stands, for all users of this cache. */
export function cachedServer(cacheDir: string): string {
  return join(cacheDir, 'nats-server', 'nats-server')
}

export async function findServer(options: FindOptions): Promise<FoundServer | undefined> {
  const minimum = minimumOf(options.minimum)
  if (options.configured !== undefined) return await configuredServer(options.configured, minimum)
  const onPath = programsOnPath('nats-server', options.searchPath).map((binary) => ({ binary, from: 'path' as const }))
  const cached = { binary: cachedServer(options.cacheDir), from: 'cache' as const }
  for (const { binary, from } of isProgram(cached.binary) ? [...onPath, cached] : onPath) {
    const asked = await askServerVersion(binary)
    if (asked.is === 'unusable') {
      options.onNote(`skipping ${binary}: it does not run (${asked.reason})`)
    } else if (!isAtLeast(asked.version, minimum)) {
      const have = formatServerVersion(asked.version)
      options.onNote(`skipping ${binary}: it is ${have}, and ${options.minimum} or newer is needed`)
    } else {
      return { binary, version: formatServerVersion(asked.version), from }
    }
  }
  return undefined
}

async function configuredServer(binary: string, minimum: ServerVersion): Promise<FoundServer> {
  const asked = await askServerVersion(binary)
  if (asked.is === 'unusable') throw new Fault('server.unusable', { value: binary, reason: asked.reason })
  const version = formatServerVersion(asked.version)
  if (!isAtLeast(asked.version, minimum)) {
    throw new Fault('server.tooOld', { value: binary, have: version, want: formatServerVersion(minimum) })
  }
  return { binary, version, from: 'configured' }
}

export function minimumOf(text: string): ServerVersion {
  const version = parseServerVersion(text)
  if (version === undefined) throw new Error(`"${text}" is not a version`)
  return version
}
