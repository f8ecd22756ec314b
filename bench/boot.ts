/**
 * How long a process that does nothing takes to start here: the floor under every start. It is
 * Node and one line, the same from a checkout and from a package, so that what it costs to strip
 * types in a checkout lowers no target.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { median } from './figures.ts'
import { instantMs } from './instant.ts'
import type { Raw } from './work.ts'

const saysWhen = 'process.send(Number(process.hrtime.bigint()) / 1e6)'

export async function measureBoot(cwd: string, rounds: number): Promise<Raw> {
  const took: number[] = []
  for (let round = 0; round < rounds; round++) {
    const startedAt = instantMs()
    const child = spawn(process.execPath, ['-e', saysWhen], { cwd, stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
    const [[at]] = (await Promise.all([once(child, 'message'), once(child, 'close')])) as [[number], unknown[]]
    took.push(at - startedAt)
  }
  return { name: 'boot', value: median(took) }
}
