/**
 * From the start of a node's process to its being ready, in a realm that exists and is empty. It
 * is the program that users start and no part of it, so that parsing and loading count as they do
 * for them, with the compiled code that an earlier start left in the cache.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Access } from '#bench/access.ts'
import { measureBoot } from '#bench/boot.ts'
import { median } from '#bench/figures.ts'
import { instantMs } from '#bench/instant.ts'
import { shippedLauncher } from '#bench/shipped.ts'
import type { Work } from '#bench/work.ts'

async function startToReady(launcher: string, { url, auth, realm, dir, durability }: Access): Promise<number> {
  const flags = { servers: url, user: auth.user, realm, dir, durability, 'health-port': '0' }
  const args = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value])
  const startedAt = instantMs()
  const node = spawn(process.execPath, [launcher, 'node', '--json', ...args], {
    cwd: dir,
    env: { ...process.env, PERDURE_AUTH_PASS: auth.pass, PERDURE_SERVER_CACHE_DIR: join(dirname(dir), 'cache') },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const closed = once(node, 'close')
  let readyAt: number | undefined
  createInterface({ input: node.stdout }).on('line', (line) => {
    if ((JSON.parse(line) as { is?: unknown }).is !== 'node.ready') return
    readyAt = instantMs()
    node.kill('SIGTERM')
  })
  await closed
  if (readyAt === undefined) throw new Error('the node ended before it was ready')
  return readyAt - startedAt
}

export const coldstart: Work = {
  name: 'coldstart',
  title: 'from a start of the node to its being ready, in an empty realm',
  async run({ rounds, openGround, note }) {
    await using ground = await openGround()
    const { access } = ground
    const launcher = await shippedLauncher(dirname(access.dir))
    const took: number[] = []
    // The first makes the realm and fills the cache of compiled code, and does not count.
    for (let round = 0; round <= rounds; round++) {
      const ms = await startToReady(launcher, access)
      if (round === 0) continue
      took.push(ms)
      note(`  round ${round}: ${ms.toFixed(0)} ms`)
    }
    const raw = { name: 'boot' as const, value: await measureBoot(access.dir, rounds) }
    return [{ value: median(took), unit: 'ms', better: 'less', target: 300, raw }]
  },
}
