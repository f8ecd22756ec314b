/**
 * An archive that a person configured by address and checksum. Nothing of it is unpacked before
 * the checksum fits; with the address alone anybody between here and there could choose the
 * program that holds the log.
 */
import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { chmod, mkdir, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import { failedFetch, megabytesOf, type FetchResult } from './fetch-result.ts'
import { programsOnPath, runCommand } from './run-command.ts'

export type Archive = {
  /** `https:`, `http:` or `file:`, ending in .tar.gz, .tgz or .zip. */
  readonly url: string
  readonly sha256: string
}

export type ArchiveOptions = {
  readonly archive: Archive
  readonly room: string
  readonly searchPath: string
  readonly onProgress: (line: string) => void
  readonly signal?: AbortSignal | undefined
}

export async function fetchArchive(options: ArchiveOptions): Promise<FetchResult> {
  const { archive, room, searchPath, onProgress, signal } = options
  const unpack = unpackerOf(archive.url, searchPath)
  if (unpack.program === undefined) {
    return failed(archive, `${unpack.name} is needed to unpack it and is not on PATH`)
  }
  const file = join(room, 'archive')
  const digest = await download(options, file).catch((error: Error) => error)
  signal?.throwIfAborted()
  if (digest instanceof Error) return failed(archive, `it cannot be downloaded (${reasonOf(digest)})`)
  if (digest !== archive.sha256.toLowerCase()) {
    return failed(archive, `its sha256 is ${digest}, and ${archive.sha256} was configured`)
  }
  onProgress('unpacking…')
  const into = join(room, 'unpacked')
  await mkdir(into)
  const unpacked = await runCommand(unpack.program, unpack.args(file, into), { signal })
  if (unpacked.is === 'failed') return failed(archive, unpacked.reason)
  const binary = await findFile(into, 'nats-server')
  if (binary === undefined) return failed(archive, 'there is no nats-server in it')
  // Not every archive carries the right to run.
  await chmod(binary, 0o755)
  return { is: 'fetched', binary, stays: false }
}

function failed({ url }: Archive, reason: string): FetchResult {
  return failedFetch(`the archive ${url}: ${reason}`)
}

/** `fetch` puts what went wrong into the cause and says only that it failed. */
function reasonOf(error: Error): string {
  return error.cause instanceof Error ? error.cause.message : error.message
}

async function download({ archive, onProgress, signal }: ArchiveOptions, file: string): Promise<string> {
  const { body, bytes } = await openSource(archive.url, signal)
  onProgress(`downloading ${megabytesOf(bytes)}…`)
  const hash = createHash('sha256')
  const digest = new Transform({
    transform(chunk: Buffer, _, next) {
      hash.update(chunk)
      next(null, chunk)
    },
  })
  await pipeline(body, digest, createWriteStream(file))
  return hash.digest('hex')
}

type Source = { readonly body: Readable; readonly bytes: number | undefined }

async function openSource(url: string, signal: AbortSignal | undefined): Promise<Source> {
  if (url.startsWith('file:')) {
    const path = fileURLToPath(url)
    return { bytes: (await stat(path)).size, body: createReadStream(path) }
  }
  const response = await fetch(url, { redirect: 'follow', ...(signal === undefined ? {} : { signal }) })
  if (!response.ok || response.body === null) throw new Error(`the server answers ${response.status}`)
  const length = Number(response.headers.get('content-length'))
  return { bytes: length > 0 ? length : undefined, body: Readable.fromWeb(response.body) }
}

type Unpacker = {
  readonly name: string
  readonly program: string | undefined
  readonly args: (file: string, into: string) => readonly string[]
}

function unpackerOf(url: string, searchPath: string): Unpacker {
  const isZip = /\.zip$/i.test(url)
  const name = isZip ? 'unzip' : 'tar'
  const [program] = programsOnPath(name, searchPath)
  return isZip
    ? { name, program, args: (file, into) => ['-q', file, '-d', into] }
    : { name, program, args: (file, into) => ['-xzf', file, '-C', into] }
}

async function findFile(dir: string, name: string): Promise<string | undefined> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true })
  const found = entries.find((entry) => entry.isFile() && entry.name === name)
  return found === undefined ? undefined : join(found.parentPath, found.name)
}
