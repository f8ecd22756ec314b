/**
 * Gets a nats-server when there is none: from the archive that a person configured, else with
 * the system's own package manager, so that no address is written here and every download is
 * checked by a signature or a checksum. Invariant: what stands in the cache is always whole,
 * because everything happens in a room of its own and ends in one rename; two processes may
 * fetch at once, and one that is killed leaves only a room that the next one clears.
 */
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Fault } from '#protocol/fault.ts'
import { fetchArchive, type Archive } from './fetch-archive.ts'
import type { FetchResult } from './fetch-result.ts'
import { fetchWithApt } from './fetch-with-apt.ts'
import { fetchWithBrew } from './fetch-with-brew.ts'
import { cachedServer, minimumOf } from './find-server.ts'
import { isAlive } from './process-identity.ts'
import { programsOnPath } from './run-command.ts'
import { askServerVersion, formatServerVersion, isAtLeast } from './server-version.ts'

export type FetchOptions = {
  readonly cacheDir: string
  readonly minimum: string
  /** The PATH of this process. */
  readonly searchPath: string
  readonly archive?: Archive | undefined
  readonly onProgress: (line: string) => void
  readonly signal?: AbortSignal | undefined
}

type Way = (room: string) => Promise<FetchResult>

/** Resolves with the path of a program that runs and is new enough. */
export async function fetchServer(options: FetchOptions): Promise<string> {
  const ways = waysOf(options)
  const reasons: string[] = []
  if (ways.length === 0) {
    reasons.push('there is neither apt-get nor brew here, and no archive is configured (server.archiveUrl)')
  }
  await mkdir(options.cacheDir, { recursive: true })
  await clearAbandonedRooms(options.cacheDir)
  for (const way of ways) {
    const room = await mkdtemp(join(options.cacheDir, `fetch-${process.pid}-`))
    try {
      const result = await way(room)
      const problem = result.is === 'failed' ? result.reason : await problemOf(result.binary, options.minimum)
      if (result.is === 'fetched' && problem === undefined) {
        return result.stays ? result.binary : await install(result.binary, cachedServer(options.cacheDir))
      }
      reasons.push(String(problem))
    } finally {
      await rm(room, { recursive: true, force: true })
    }
    options.signal?.throwIfAborted()
  }
  throw new Fault('server.missing', { want: options.minimum, reason: reasons.join('; ') })
}

/** An archive that was configured is the only way: to fall back would hide a wrong checksum. */
function waysOf({ archive, searchPath, onProgress, signal }: FetchOptions): readonly Way[] {
  if (archive !== undefined) return [(room) => fetchArchive({ archive, room, searchPath, onProgress, signal })]
  const ways: Way[] = []
  const [aptGet] = programsOnPath('apt-get', searchPath)
  const [dpkg] = programsOnPath('dpkg', searchPath)
  if (aptGet !== undefined && dpkg !== undefined) {
    ways.push((room) => fetchWithApt({ aptGet, dpkg, room, onProgress, signal }))
  }
  const [brew] = programsOnPath('brew', searchPath)
  if (brew !== undefined) ways.push(() => fetchWithBrew({ brew, onProgress, signal }))
  return ways
}

async function problemOf(binary: string, minimum: string): Promise<string | undefined> {
  const asked = await askServerVersion(binary)
  if (asked.is === 'unusable') return `what was fetched does not run here (${asked.reason})`
  if (isAtLeast(asked.version, minimumOf(minimum))) return undefined
  return `what was fetched is only ${formatServerVersion(asked.version)}`
}

/** A running server keeps the file it was started from, so replacing it is safe at any time. */
async function install(binary: string, place: string): Promise<string> {
  await mkdir(dirname(place), { recursive: true })
  await rename(binary, place)
  return place
}

async function clearAbandonedRooms(cacheDir: string): Promise<void> {
  for (const name of await readdir(cacheDir)) {
    const owner = /^fetch-(\d+)-/.exec(name)?.[1]
    if (owner === undefined || isAlive(Number(owner))) continue
    await rm(join(cacheDir, name), { recursive: true, force: true })
  }
}
