/** Getting a server when there is none: by apt, by Homebrew, from an archive, or one clear sentence. */
import { execFileSync, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { chmod, chown, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { crc32 } from 'node:zlib'
import { afterEach, beforeEach, expect, test, type TestContext } from 'vitest'
import { isFault, type StoredFault } from '#protocol/fault.ts'
import type { Archive } from '#runtime/server/fetch-archive.ts'
import { fetchServer, type FetchOptions } from '#runtime/server/fetch-server.ts'
import { findServer } from '#runtime/server/find-server.ts'
import { programsOnPath } from '#runtime/server/run-command.ts'
import { skipBecause } from '#test/support/skip.ts'

const systemPath = process.env['PATH'] ?? ''

let dir: string
let progress: string[]
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'perdure-fetch-'))
  progress = []
})
afterEach(async () => await rm(dir, { recursive: true, force: true }))

const cache = (): string => join(dir, 'cache')

async function fetchInto(change: Partial<FetchOptions>): Promise<string> {
  const options = { cacheDir: cache(), minimum: '2.12.1', searchPath: '', ...change }
  return await fetchServer({ ...options, onProgress: (line) => progress.push(line) })
}

async function faultOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
  } catch (error) {
    if (isFault(error, 'server.missing')) return error.message
    throw error
  }
  throw new Error('a server was fetched')
}

/** Nothing is in the cache but what was there before: no half download, no room. */
async function expectCleanCache(...names: string[]): Promise<void> {
  expect((await readdir(cache())).toSorted()).toEqual(names)
}

async function script(place: string, name: string, lines: string): Promise<string> {
  await mkdir(join(dir, place), { recursive: true })
  await writeFile(join(dir, place, name), `#!/bin/sh\n${lines}\n`)
  await chmod(join(dir, place, name), 0o755)
  return join(dir, place)
}

/** A program is all that its `--version` says, as far as fetching goes. */
async function tarball(version: string): Promise<string> {
  await script('made/nats-server-v9', 'nats-server', `echo "nats-server: v${version}"`)
  execFileSync('tar', ['-czf', join(dir, 'made.tar.gz'), '-C', join(dir, 'made'), 'nats-server-v9'])
  return join(dir, 'made.tar.gz')
}

async function archiveAt(url: string, file: string): Promise<Archive> {
  return {
    url,
    sha256: createHash('sha256')
      .update(await readFile(file))
      .digest('hex'),
  }
}

async function serve(answer: RequestListener): Promise<{ url: string; close(): void }> {
  const server = createServer(answer).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}/made.tar.gz`, close: () => server.close().closeAllConnections() }
}

test('without any way to get one it says what it looked for and what to do', async () => {
  const sentence = await faultOf(fetchInto({}))
  expect(sentence).toMatch(/2\.12\.1/)
  expect(sentence).toMatch(/neither apt-get nor brew.*server\.archiveUrl/)
  expect(sentence).toMatch(/--nats-server/)
})

test('an archive is downloaded, checked, unpacked and found again', async () => {
  const file = await tarball('2.15.1')
  const bytes = await readFile(file)
  const site = await serve((_, response) => response.writeHead(200, { 'content-length': bytes.length }).end(bytes))
  try {
    const binary = await fetchInto({ searchPath: systemPath, archive: await archiveAt(site.url, file) })
    expect(progress).toEqual(['downloading 0.0 MB…', 'unpacking…'])
    await expectCleanCache('nats-server')
    const found = await findServer({ searchPath: '', cacheDir: cache(), minimum: '2.12.1', onNote: () => {} })
    expect(found).toEqual({ binary, version: '2.15.1', from: 'cache' })
  } finally {
    site.close()
  }
})

test('an archive that lies on this machine needs no network', async () => {
  const file = await tarball('2.15.1')
  const archive = await archiveAt(pathToFileURL(file).href, file)
  expect(await fetchInto({ searchPath: systemPath, archive })).toBe(join(cache(), 'nats-server', 'nats-server'))
})

test('an archive whose checksum differs is not unpacked, and nothing else is tried in its place', async () => {
  const file = await tarball('2.15.1')
  const archive = { url: pathToFileURL(file).href, sha256: '0'.repeat(64) }
  const sentence = await faultOf(fetchInto({ searchPath: systemPath, archive }))
  expect(sentence).toMatch(/its sha256 is [0-9a-f]{64}, and 0{64} was configured/)
  expect(progress).not.toContain('unpacking…')
  await expectCleanCache()
})

test('a download that breaks off leaves nothing behind', async () => {
  const file = await tarball('2.15.1')
  const site = await serve((_, response) => {
    response.writeHead(200, { 'content-length': 1_000_000 })
    response.write('half', () => response.destroy())
  })
  try {
    const sentence = await faultOf(fetchInto({ searchPath: systemPath, archive: await archiveAt(site.url, file) }))
    expect(sentence).toContain(`the archive ${site.url}: it cannot be downloaded`)
    await expectCleanCache()
  } finally {
    site.close()
  }
})

test('an address that has no archive says what it answered', async () => {
  const file = await tarball('2.15.1')
  const site = await serve((_, response) => response.writeHead(404).end())
  try {
    const sentence = await faultOf(fetchInto({ searchPath: systemPath, archive: await archiveAt(site.url, file) }))
    expect(sentence).toContain('the server answers 404')
  } finally {
    site.close()
  }
})

test('giving up ends a download and leaves nothing behind', async () => {
  const file = await tarball('2.15.1')
  const giveUp = new AbortController()
  const site = await serve((_, response) => response.writeHead(200).write('half', () => giveUp.abort()))
  try {
    const archive = await archiveAt(site.url, file)
    await expect(fetchInto({ searchPath: systemPath, archive, signal: giveUp.signal })).rejects.toThrow(/abort/i)
    await expectCleanCache()
  } finally {
    site.close()
  }
})

test('an archive with a server that is too old, or with none, says so', async () => {
  const file = await tarball('2.9.10')
  const url = pathToFileURL(file).href
  expect(await faultOf(fetchInto({ searchPath: systemPath, archive: await archiveAt(url, file) }))).toContain(
    'is only 2.9.10',
  )
  await script('none/x', 'other', 'true')
  execFileSync('tar', ['-czf', file, '-C', join(dir, 'none'), 'x'])
  expect(await faultOf(fetchInto({ searchPath: systemPath, archive: await archiveAt(url, file) }))).toContain(
    'there is no nats-server in it',
  )
})

test('a zip is unpacked too, also one that forgot the right to run', async (context) => {
  if (programsOnPath('unzip', systemPath).length === 0) skipBecause(context, 'unzip is not here')
  const file = join(dir, 'made.zip')
  await writeFile(file, zipOf('v9/nats-server', Buffer.from('#!/bin/sh\necho "nats-server: v2.15.1"\n')))
  const archive = await archiveAt(pathToFileURL(file).href, file)
  expect(await fetchInto({ searchPath: systemPath, archive })).toBe(join(cache(), 'nats-server', 'nats-server'))
  expect(await faultOf(fetchInto({ archive }))).toContain('unzip is needed')
})

/** One stored file: local header, bytes, directory, end. */
function zipOf(name: string, content: Buffer): Buffer {
  const fields = Buffer.alloc(26)
  fields.writeUInt16LE(10, 0)
  fields.writeUInt32LE(crc32(content), 10)
  fields.writeUInt32LE(content.length, 14)
  fields.writeUInt32LE(content.length, 18)
  fields.writeUInt16LE(name.length, 22)
  const local = Buffer.concat([Buffer.from('PK\x03\x04'), fields, Buffer.from(name), content])
  const entry = Buffer.concat([Buffer.from('PK\x01\x02\x0a\x00'), fields, Buffer.alloc(14), Buffer.from(name)])
  const end = Buffer.alloc(22)
  end.write('PK\x05\x06', 'latin1')
  end.writeUInt16LE(1, 8)
  end.writeUInt16LE(1, 10)
  end.writeUInt32LE(entry.length, 12)
  end.writeUInt32LE(local.length, 16)
  return Buffer.concat([local, entry, end])
}

test('Homebrew keeps what it installed where it is', async () => {
  const bin = await script('prefix/bin', 'nats-server', 'echo "nats-server: v2.15.1"')
  const searchPath = await script('brew', 'brew', `[ "$1" = install ] && exit 0; echo ${join(dir, 'prefix')}`)
  expect(await fetchInto({ searchPath })).toBe(join(bin, 'nats-server'))
  await expectCleanCache()
})

test('what Homebrew complains of is told', async () => {
  const searchPath = await script('brew', 'brew', 'echo "Error: no network" >&2; exit 1')
  expect(await faultOf(fetchInto({ searchPath }))).toContain('Error: no network')
})

test('a room that a killed process left is cleared, that of a living one is not', async () => {
  const gone = spawn('true')
  await once(gone, 'exit')
  await mkdir(join(cache(), `fetch-${gone.pid}-abc`, 'half'), { recursive: true })
  await mkdir(join(cache(), `fetch-${process.pid}-abc`), { recursive: true })
  await faultOf(fetchInto({}))
  await expectCleanCache(`fetch-${process.pid}-abc`)
})

/** Only what hinders apt itself; anything else is a failure of ours. */
function skipWithoutApt(context: TestContext, reason: string): void {
  if (/resolve|connect|timed out|unreachable|Temporary failure|Failed to fetch|keyring/i.test(reason)) {
    skipBecause(context, `apt cannot download here: ${reason.slice(0, 120)}`)
  }
}

function requireApt(context: TestContext): void {
  if (programsOnPath('apt-get', systemPath).length === 0) skipBecause(context, 'apt-get is not here')
}

test('apt gets a server that runs here, and tells how it goes on', async (context) => {
  requireApt(context)
  const binary = await fetchInto({ searchPath: systemPath }).catch((error: Error) => {
    skipWithoutApt(context, error.message)
    throw error
  })
  expect(progress).toEqual([
    'updating the package list…',
    expect.stringMatching(/^downloading \d+\.\d MB…$/),
    'unpacking…',
  ])
  expect(execFileSync(binary, ['--version'], { encoding: 'utf8' })).toMatch(/nats-server: v\d/)
  await expectCleanCache('nats-server')
})

test('two processes without any rights fetch at once, and both get a whole server', async (context) => {
  requireApt(context)
  await mkdir(cache())
  const isRoot = process.getuid?.() === 0
  const nobody = { uid: 65_534, gid: 65_534 }
  if (isRoot) {
    await chmod(dir, 0o755)
    await chown(cache(), nobody.uid, nobody.gid)
  }
  const fetcher = fileURLToPath(import.meta.resolve('#test/support/server-fetcher.ts'))
  const fetchElsewhere = async (): Promise<{ binary?: string; fault?: StoredFault }> => {
    const child = spawn(process.execPath, [fetcher, cache(), systemPath], {
      stdio: ['ignore', 'pipe', 'inherit'],
      cwd: cache(),
      ...(isRoot ? nobody : {}),
    })
    return JSON.parse(await text(child.stdout))
  }
  const results = await Promise.all([fetchElsewhere(), fetchElsewhere()])
  for (const { fault } of results) if (fault !== undefined) skipWithoutApt(context, fault.message)
  const binary = join(cache(), 'nats-server', 'nats-server')
  expect(results).toEqual([{ binary }, { binary }])
  expect(execFileSync(binary, ['--version'], { encoding: 'utf8' })).toMatch(/nats-server: v\d/)
  await expectCleanCache('nats-server')
})
