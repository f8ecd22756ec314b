/** The program as users start it: compiled, behind its launcher, whether this runs from a checkout or a package. */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Access } from './access.ts'
import { instantMs } from './instant.ts'

/** The launcher's path; in a checkout the package is made under `dir` first. */
export async function shippedLauncher(dir: string): Promise<string> {
  const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url))
  if (!import.meta.url.endsWith('.ts')) return at('../../bin/perdure.js')
  const target = join(dir, 'package')
  await promisify(execFile)(process.execPath, [at('../bin/build.ts'), target])
  return join(target, 'bin', 'perdure.js')
}

export type ShippedNode = {
  readonly startedAt: number
  readonly readyAt: number
  /** Its resident memory now, in bytes; only Linux says it of another process. */
  memory(): number
  stop(): Promise<void>
}

/** Resolves when it is ready. */
export async function startShipped(
  launcher: string,
  { url, auth, realm, dir, durability }: Access,
): Promise<ShippedNode> {
  const flags = { servers: url, user: auth.user, realm, dir, durability, 'health-port': '0' }
  const args = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value])
  const startedAt = instantMs()
  const node = spawn(process.execPath, [launcher, 'node', '--json', ...args], {
    cwd: dir,
    env: { ...process.env, PERDURE_AUTH_PASS: auth.pass, PERDURE_SERVER_CACHE_DIR: join(dirname(dir), 'cache') },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const closed = once(node, 'close')
  const ready = Promise.withResolvers<number>()
  createInterface({ input: node.stdout }).on('line', (line) => {
    if ((JSON.parse(line) as { is?: unknown }).is === 'node.ready') ready.resolve(instantMs())
  })
  void closed.then(() => ready.reject(new Error('the node ended before it was ready')))
  const readyAt = await ready.promise
  return {
    startedAt,
    readyAt,
    memory() {
      const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${node.pid}/status`, 'utf8')) ?? []
      return Number(kilobytes) * 1024
    },
    async stop() {
      node.kill('SIGTERM')
      await closed
    },
  }
}
