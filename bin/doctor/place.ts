/** What can be seen without a server: this machine, the directory, its files and ports. */
import { type Stats } from 'node:fs'
import { readFile, stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { bytesText } from '#bin/layout.ts'
import type { Config } from '#config/open-config.ts'
import { serverSearchOf } from '#config/options.ts'
import { storedFaultOf } from '#protocol/fault.ts'
import { nodeLoginFile, outsideLoginFile } from '#runtime/server/credentials.ts'
import { findServer } from '#runtime/server/find-server.ts'
import { type Finding, fail, ok, warn } from './finding.ts'

export function checkPlatform(): Finding {
  const { platform, arch, versions } = process
  const says = `Node ${versions.node} on ${platform} ${arch}.`
  if (platform === 'linux' || platform === 'darwin') return ok('machine', says)
  return warn('machine', says, 'perdure runs on Linux and macOS; on Windows inside WSL 2.')
}

export async function checkProgram(config: Config): Promise<Finding> {
  const notes: string[] = []
  try {
    const found = await findServer({ ...serverSearchOf(config), onNote: (line) => notes.push(line) })
    if (found !== undefined) return ok('nats-server', `${found.version}, ${found.binary} (${found.from}).`)
    const passed = notes.length === 0 ? '' : ` (${notes.join('; ')})`
    return warn(
      'nats-server',
      `There is none here${passed}.`,
      'perdure up fetches one; or install one, or name it with --nats-server.',
    )
  } catch (error) {
    return fail('nats-server', storedFaultOf(error).message, 'Name another with --nats-server, or leave it out.')
  }
}

const scarceBytes = 1e9
const fullBytes = 1e8

export async function checkDisk(dir: string): Promise<Finding> {
  let where = dir
  for (let parent = join(where, '..'); !(await isThere(where)) && parent !== where; parent = join(where, '..'))
    where = parent
  try {
    const { bavail, blocks, bsize } = await statfs(where)
    const free = bavail * bsize
    const says = `${bytesText(free)} of ${bytesText(blocks * bsize)} are free under ${where}.`
    const fix = 'Make room, or move the directory to another disk (--dir).'
    if (free < fullBytes) return fail('disk', says, fix)
    return free < scarceBytes ? warn('disk', says, fix) : ok('disk', says)
  } catch (error) {
    return warn(
      'disk',
      `It cannot be seen how much is free under ${where}: ${storedFaultOf(error).message}.`,
      'Check the directory (--dir).',
    )
  }
}

async function isThere(path: string): Promise<boolean> {
  return (await statOf(path)) !== undefined
}

async function statOf(path: string): Promise<Stats | undefined> {
  return await stat(path).catch(() => undefined)
}

/** Looked at before anything reads them, because reading sets their mode right. */
export async function checkCredentials(dir: string): Promise<Finding> {
  const files = [nodeLoginFile(dir), outsideLoginFile(dir)]
  const found = await Promise.all(files.map(async (file) => ({ file, stats: await statOf(file) })))
  if (found.every(({ stats }) => stats === undefined))
    return ok('credentials', `None in ${dir} yet; perdure up makes them.`)
  const open = found.filter(({ stats }) => stats !== undefined && (stats.mode & 0o077) !== 0).map(({ file }) => file)
  if (open.length > 0)
    return fail(
      'credentials',
      `Others on this machine can read ${open.join(' and ')}.`,
      `chmod 600 ${open.join(' ')}; if somebody did, remove them and start again: new ones are made.`,
    )
  return ok('credentials', `Those in ${dir} can be read by their owner alone.`)
}

/** Of the embedded server: whether it listens to more than this machine. */
export async function checkReach(dir: string): Promise<Finding | undefined> {
  try {
    const { host, port } = JSON.parse(await readFile(join(dir, 'server', 'nats.conf'), 'utf8')) as {
      host?: string
      port?: number
    }
    if (host === '127.0.0.1')
      return ok(
        'reach',
        `The server in ${dir} listens on loopback only${port !== undefined && port > 0 ? `, port ${port}` : ''}.`,
      )
    return warn(
      'reach',
      `The server in ${dir} listens on ${host}.`,
      'Its configuration is written at each start; start it again with perdure up.',
    )
  } catch {
    return undefined
  }
}

const answerMs = 1_000

export async function checkHealthPort(port: number): Promise<Finding> {
  if (port === 0) return ok('health', 'The health port is switched off (health.port is 0).')
  const url = `http://127.0.0.1:${port}/health/ready`
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(answerMs) })
    if (response.ok) return ok('health', `${url} says that the node is ready.`)
    return warn(
      'health',
      `${url} says that the node is not ready (${response.status}).`,
      'A node that begins, ends or has lost its server is not ready; see its log.',
    )
  } catch {
    return warn('health', `Nothing answers at ${url}.`, 'Start a node here, or give its port: --health-port.')
  }
}
