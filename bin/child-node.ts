/**
 * A node as a process of its own, run by this one: followed through its log, asked to end, killed
 * when it does not. Invariant: it does not outlive this process, whatever ends that; the channel
 * between both carries nothing, and its end is the sign.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { Fault } from '#protocol/fault.ts'
import type { ServerProcess } from '#runtime/server/run-server.ts'
import type { Told } from './trace-text.ts'

export type ChildLine = { readonly is: string; readonly level: Told['level']; readonly text: string }

export type ChildOptions = {
  readonly name: string
  /** Of `perdure node`. */
  readonly flags: readonly string[]
  /** How long it may take to end in order. */
  readonly graceMs: number
  readonly onLine: (line: ChildLine) => void
  /** It ended in order, by somebody's wish and not by ours: it was drained. */
  readonly onLeft: () => void
}

const keptLines = 5

export function startChildNode({ name, flags, graceMs, onLine, onLeft }: ChildOptions): ServerProcess {
  const [, program = ''] = process.argv
  // A group of its own: Ctrl-C in a terminal reaches this process alone, which ends all in order.
  const child = spawn(process.execPath, [...process.execArgv, program, 'node', ...flags, '--log-format', 'json'], {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  child.channel?.unref()
  const complaints: string[] = []
  let isStopping = false
  follow(child.stdout, (line) => onLine(parseLine(line)))
  follow(child.stderr, (line) => {
    if (complaints.push(line) > keptLines) complaints.shift()
  })
  const exited = endOf(child).then((reason) => {
    if (isStopping) return undefined
    if (reason !== undefined)
      return new Fault('node.died', { value: name, reason, lines: complaints.join(' | ') || 'nothing' })
    onLeft()
    return undefined
  })
  return {
    pid: child.pid ?? 0,
    exited,
    ready: () => undefined,
    async stop() {
      isStopping = true
      child.kill('SIGTERM')
      const harder = setTimeout(() => child.kill('SIGKILL'), graceMs)
      await exited
      clearTimeout(harder)
    },
  }
}

function follow(stream: ChildProcess['stdout'], on: (line: string) => void): void {
  if (stream !== null) createInterface({ input: stream }).on('line', on)
}

/** Nothing when it ended in order. */
async function endOf(child: ChildProcess): Promise<string | undefined> {
  try {
    const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
    return code === 0 ? undefined : (signal ?? `exit code ${code}`)
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

/** What a module of kinds prints by itself is no line of the log. */
function parseLine(line: string): ChildLine {
  try {
    const value = JSON.parse(line) as Partial<ChildLine>
    if (typeof value.is === 'string' && typeof value.level === 'string' && typeof value.text === 'string')
      return value as ChildLine
  } catch {
    // It is said as it stands.
  }
  return { is: 'node.said', level: 'info', text: line }
}
