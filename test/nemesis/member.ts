/** A node of the nemesis, seen from outside: a process that is started, struck and started again on the same disk. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { setImmediate, setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Command, Folded, NodeProgram } from './node-program.ts'

export type Line = { readonly is: string; readonly at: number; readonly [name: string]: unknown }

export type Member = {
  readonly name: string
  readonly isAlive: boolean
  /** Of all its lives, in order. */
  readonly lines: readonly Line[]
  start(): void
  /** The first line that is so, said or yet to be said, of those from number `from` on. */
  line(isWanted: (line: Line) => boolean, from?: number): Promise<Line>
  kill(): Promise<void>
  freeze(): Promise<void>
  thaw(): void
  /** As one who plans to: it gives away what it has. */
  stop(): Promise<void>
  setClock(offsetMs: number): void
  /** Begins a cut. */
  take(): void
  fold(): Promise<readonly Folded[]>
  /** By partition the last record that its store has now; nothing of one that is gone. */
  positions(): Promise<readonly number[]>
}

export type MemberOptions = Omit<NodeProgram, 'plant'> & {
  readonly plant?: string | undefined
  /** What the command begins with, to run it elsewhere. */
  readonly through?: readonly string[] | undefined
}

const program = fileURLToPath(new URL('node-program.ts', import.meta.url))
const answerMs = 10_000
const running = new Set<ChildProcess>()
// A process that ends early must not leave them behind; one that stands still dies of this too.
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

export function memberOf({ through = [], ...given }: MemberOptions): Member {
  const lines: Line[] = []
  const hearers = new Set<() => void>()
  let child: ChildProcess | undefined
  let exited: Promise<unknown> = Promise.resolve()
  let questions = 0

  const isAlive = (): boolean => child !== undefined && running.has(child)
  const hear = (): void => hearers.forEach((one) => one())
  function take(line: Line): void {
    lines.push(line)
    hear()
  }

  function start(): void {
    mkdirSync(given.dir, { recursive: true })
    const [file, ...args] = [
      ...through,
      process.execPath,
      '--conditions=perdure-source',
      '--disable-warning=ExperimentalWarning',
      program,
      JSON.stringify(given),
    ]
    const started = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] })
    child = started
    running.add(started)
    take({ is: 'started', at: Date.now(), pid: started.pid })
    let errors = ''
    started.stderr?.on('data', (data: Buffer) => (errors = `${errors}${data.toString()}`.slice(-2000)))
    // Asked for something in the instant in which it dies, it does not hear it.
    started.on('error', () => undefined)
    if (started.stdout !== null)
      createInterface({ input: started.stdout }).on('line', (text) => take(JSON.parse(text) as Line))
    exited = once(started, 'close').then(() => {
      running.delete(started)
      take({ is: 'exited', at: Date.now(), with: started.signalCode ?? started.exitCode, errors })
    })
  }

  function tell(command: Command): void {
    if (child?.connected === true) child.send(command)
  }

  function line(isWanted: (line: Line) => boolean, from = 0): Promise<Line> {
    return new Promise((resolve) => {
      const look = (): void => {
        const found = lines.find((one, at) => at >= from && isWanted(one))
        if (found === undefined) return
        hearers.delete(look)
        resolve(found)
      }
      hearers.add(look)
      look()
    })
  }

  /** Nothing: it is gone, or goes before it answers. */
  async function ask(what: 'fold' | 'positions', answer: string): Promise<Line | undefined> {
    if (!isAlive()) return undefined
    const [id, from] = [questions++, lines.length]
    tell({ do: what, id })
    const isEnd = ({ is }: Line): boolean => is === 'exited' || is === 'ended'
    const heard = line((one) => isEnd(one) || (one.is === answer && one['id'] === id), from)
    // One that has just begun may not have heard the question.
    const found = await Promise.race([heard, pause(answerMs, undefined, { ref: false })])
    return found === undefined || isEnd(found) ? undefined : found
  }

  return {
    name: given.name,
    get isAlive() {
      return isAlive()
    },
    lines,
    start,
    line,
    async kill() {
      if (isAlive()) child?.kill('SIGKILL')
      await exited
    },
    async freeze() {
      child?.kill('SIGSTOP')
      // The signal returns before every thread stands still.
      while (isAlive() && !isStopped(child?.pid as number)) await setImmediate()
    },
    thaw: () => void (isAlive() && child?.kill('SIGCONT')),
    async stop() {
      tell({ do: 'stop' })
      await exited
    },
    setClock: (offsetMs) => tell({ do: 'clock', offsetMs }),
    take: () => tell({ do: 'take' }),
    fold: async () => ((await ask('fold', 'folded'))?.['folded'] ?? []) as readonly Folded[],
    positions: async () => ((await ask('positions', 'positions'))?.['numbers'] ?? []) as readonly number[],
  }
}

function isStopped(pid: number): boolean {
  return readdirSync(`/proc/${pid}/task`).every((task) =>
    /\) T /.test(readFileSync(`/proc/${pid}/task/${task}/stat`, 'utf8')),
  )
}
