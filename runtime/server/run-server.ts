/**
 * A nats-server as a child process: followed through its log, watched over, and stopped in peace.
 * Invariant: `exited` is told after everything of the process is gone, with the reason when it
 * was not us who ended it.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { Fault } from '#protocol/fault.ts'
import { followLog } from './log-tail.ts'
import type { ServerHome } from './server-home.ts'
import { watchOver } from './watchdog.ts'

export type RunOptions = {
  readonly binary: string
  readonly home: ServerHome
  /** What it is told to listen on and the option that chooses it, for the sentence when it cannot. */
  readonly ports: readonly (readonly [port: number, option: string])[]
  /** How long the server may take to close its store before it is killed. */
  readonly graceMs: number
  /** What its configuration takes from the environment; ours takes nothing. */
  readonly environment?: Readonly<Record<string, string>>
  readonly onLine: (line: string) => void
}

export type ServerProcess = {
  readonly pid: number
  /** Nothing when it was stopped by us, else why it ended. */
  readonly exited: Promise<Fault | undefined>
  /** From now on a port that is taken is none of ours: it has listened. */
  ready(): void
  stop(): Promise<void>
}

export async function runServer(options: RunOptions): Promise<ServerProcess> {
  const { binary, home, ports, graceMs, environment = {}, onLine } = options
  const log = followLog(home.log, onLine)
  // A session of its own: Ctrl-C in a terminal reaches us alone, and we stop it after the nodes.
  const child = spawn(binary, ['-c', home.config], {
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
    // Nothing of ours: an environment may hold keys and passwords, and the server needs none.
    env: environment,
  })
  const complaints = collect(child, onLine)
  let isStopping = false
  let isReady = false
  const exited = endOf(child).then((reason) => {
    log.stop()
    return isStopping ? undefined : faultOf(reason, [...log.last(5), ...complaints], isReady ? [] : ports)
  })
  const { pid } = child
  if (pid === undefined) throw (await exited) ?? new Error('unreachable')
  const watchdog = watchOver(pid)
  void exited.then(() => watchdog.dismiss())

  return {
    pid,
    exited,
    ready() {
      isReady = true
      log.read()
    },
    async stop() {
      isStopping = true
      child.kill('SIGTERM')
      const harder = setTimeout(() => child.kill('SIGKILL'), graceMs)
      await exited
      clearTimeout(harder)
    },
  }
}

/** What it says before its log is open: a configuration or a flag that it does not know, a panic. */
function collect(child: ChildProcess, onLine: (line: string) => void): readonly string[] {
  const lines: string[] = []
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    for (const line of text.split('\n').filter((line) => line.trim() !== '')) {
      if (lines.push(line) > 8) lines.shift()
      onLine(line)
    }
  })
  return lines
}

async function endOf(child: ChildProcess): Promise<string> {
  try {
    // Not `exit`, which comes before the last of what it said.
    const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
    return signal ?? `exit code ${code}`
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

function faultOf(reason: string, lines: readonly string[], ports: RunOptions['ports']): Fault {
  const taken = lines.find((line) => /address already in use/.test(line))
  const asked = ports.filter(([port]) => port !== 0)
  const found = taken === undefined ? undefined : (asked.find(([port]) => taken.includes(`:${port}`)) ?? asked[0])
  if (found !== undefined) return new Fault('port.taken', { value: found[0], option: found[1] })
  // Without process number and time, which nobody needs in a sentence.
  const said = lines.map((line) => line.replace(/^\[\d+\] \S+ \S+ /, '')).join(' | ')
  return new Fault('server.died', { reason, lines: said || '(none)' })
}
