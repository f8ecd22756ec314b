/** The processes of the crash tests, seen from their parent: started, watched, stopped by their own ids. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { CutNodeProgram } from '#test/support/cuts/cut-node-program.ts'
import type { LabelledProgram } from '#test/support/labelled-program.ts'
import type { NodeProgram } from './node-program.ts'

export type Line = {
  readonly is?: string
  readonly died?: string
  readonly ended?: unknown
  readonly [name: string]: unknown
}

export type Child = {
  readonly pid: number
  readonly isAlive: boolean
  /** All that it said so far. */
  readonly lines: readonly Line[]
  /** The first line that is so, said or yet to be said, from number `from` on; rejects when the process ends without one. */
  line(isWanted: (line: Line) => boolean, from?: number): Promise<Line>
  /** A line on its standard input. */
  tell(order: object): void
  readonly exited: Promise<NodeJS.Signals | number>
  signal(signal: NodeJS.Signals): void
  /** SIGKILL, if it still runs. */
  kill(): Promise<void>
}

const program = fileURLToPath(new URL('node-program.ts', import.meta.url))

const running = new Set<ChildProcess>()
// A test process that ends early must not leave them behind.
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

export function startChild(given: NodeProgram | CutNodeProgram | LabelledProgram, path: string = program): Child {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', path, JSON.stringify(given)], {
    stdio: 'pipe',
  })
  running.add(child)
  const lines: Line[] = []
  const hearers = new Set<() => void>()
  let errors = ''
  child.stderr.on('data', (data: Buffer) => (errors = `${errors}${data.toString()}`.slice(-4000)))
  // Told something in the instant in which it dies, it does not hear it.
  child.stdin.on('error', () => undefined)
  let isAlive = true
  const exited = once(child, 'close').then(() => {
    isAlive = false
    running.delete(child)
    for (const hear of hearers) hear()
    return child.signalCode ?? child.exitCode ?? 0
  })
  createInterface({ input: child.stdout }).on('line', (text) => {
    lines.push(JSON.parse(text) as Line)
    for (const hear of hearers) hear()
  })
  return {
    pid: child.pid as number,
    get isAlive() {
      return isAlive
    },
    lines,
    line: (isWanted, from = 0) =>
      new Promise((resolve, reject) => {
        const hear = (): void => {
          const found = lines.find((one, at) => at >= from && isWanted(one))
          if (found === undefined && isAlive) return
          hearers.delete(hear)
          if (found !== undefined) resolve(found)
          else
            reject(
              new Error(
                `the process ended without saying it (${child.signalCode ?? child.exitCode}); it said ${JSON.stringify(lines)} ${errors}`,
              ),
            )
        }
        hearers.add(hear)
        hear()
      }),
    tell: (order) => void child.stdin.write(`${JSON.stringify(order)}\n`),
    exited,
    signal: (signal) => void child.kill(signal),
    async kill() {
      if (isAlive) child.kill('SIGKILL')
      await exited
    },
  }
}
