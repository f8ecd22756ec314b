/** A process of the cuts' crash tests, seen from its parent: started, told, stopped by its own id. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { CutNodeProgram, CutOrder } from './cut-node-program.ts'

export type Told = {
  readonly is?: string
  readonly died?: string
  readonly cut?: string
  readonly [name: string]: unknown
}

export type CutChild = {
  readonly name: string
  readonly isAlive: boolean
  order(order: CutOrder): void
  /** The first line from now on that is so; nothing when it ended, or took too long. */
  hear(isWanted: (line: Told) => boolean, mostMs: number): Promise<Told | undefined>
  /** What it said, for whoever looks at a test that failed. */
  readonly said: readonly string[]
  kill(): Promise<void>
}

const program = fileURLToPath(new URL('cut-node-program.ts', import.meta.url))
const running = new Set<ChildProcess>()
// A test process that ends early must not leave them behind.
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

export function startCutChild(given: CutNodeProgram): CutChild {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', program, JSON.stringify(given)], {
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  running.add(child)
  const said: string[] = []
  const hearers = new Set<(line: Told | undefined) => void>()
  let isAlive = true
  child.stderr.on('data', (data: Buffer) => void said.push(data.toString()))
  child.stdin.on('error', () => undefined)
  createInterface({ input: child.stdout }).on('line', (text) => {
    said.push(text)
    const line = JSON.parse(text) as Told
    // Its last word; that it is gone is noticed a moment later.
    if (line.died !== undefined) isAlive = false
    for (const hear of hearers) hear(line)
  })
  const exited = once(child, 'close').then(() => {
    isAlive = false
    running.delete(child)
    for (const hear of hearers) hear(undefined)
  })
  return {
    name: given.name,
    get isAlive() {
      return isAlive
    },
    order: (order) => void child.stdin.write(`${JSON.stringify(order)}\n`),
    hear: (isWanted, mostMs) =>
      new Promise((resolve) => {
        const end = (line: Told | undefined): void => {
          clearTimeout(alarm)
          hearers.delete(hear)
          resolve(line)
        }
        const hear = (line: Told | undefined): void => {
          if (line === undefined || isWanted(line)) end(line)
        }
        const alarm = setTimeout(() => end(undefined), mostMs)
        if (isAlive) hearers.add(hear)
        else end(undefined)
      }),
    said,
    async kill() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
      await exited
    },
  }
}
