/**
 * The command line as a user has it: a process for each call, in a directory of its own, with
 * nothing from the environment of the tests but the way to a server.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { natsServer } from './nats.ts'

const launcher = fileURLToPath(new URL('../../bin/perdure.js', import.meta.url))

export type Ran = { readonly code: number | null; readonly out: string; readonly err: string }

/** A process that goes on: `up` or `node`. */
export type Running = {
  readonly pid: number
  /** Each line of its log, as data. */
  readonly lines: readonly LogLine[]
  /** The next line that fits, or one that came already. */
  line(fits: (line: LogLine) => boolean): Promise<LogLine>
  send(signal: NodeJS.Signals): void
  /** How it ended. */
  readonly ended: Promise<{
    readonly code: number | null
    readonly signal: NodeJS.Signals | null
    readonly err: string
  }>
  stop(): Promise<number | null>
}

export type Up = Running & {
  readonly url: string
  readonly serverPid: number
  readonly health: string
}

export type LogLine = {
  readonly is: string
  readonly level: string
  readonly text: string
  readonly [name: string]: unknown
}

export type Cli = {
  /** Where it is called, and where `.perdure` comes to stand. */
  readonly folder: string
  run(
    args: readonly string[],
    given?: {
      readonly input?: string
      readonly env?: Readonly<Record<string, string>>
      readonly signal?: {
        readonly name: NodeJS.Signals
        /** What it says, or what else has to have happened. */ readonly when: string | (() => Promise<unknown>)
      }
    },
  ): Promise<Ran>
  /** The standard output as JSON lines; throws when it ends badly. */
  json(...args: readonly string[]): Promise<any[]>
  up(...args: readonly string[]): Promise<Up>
  /** A node by itself, once it has joined. */
  node(...args: readonly string[]): Promise<Running>
  close(): Promise<void>
}

function environment(extra: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(PERDURE_|VITEST|NODE_|FORCE_COLOR|NO_COLOR|TEST$|npm_)/.test(name),
  )
  return { ...Object.fromEntries(kept), PERDURE_NATS_SERVER: natsServer(), ...extra }
}

export async function openCli(): Promise<Cli> {
  const folder = await mkdtemp(join(tmpdir(), 'perdure-cli-'))
  const running = new Set<ChildProcess>()
  let isClosed = false

  function start(args: readonly string[], env?: Readonly<Record<string, string>>): ChildProcess {
    // A test that ran out of time goes on beside the next one; it must not start anything any more.
    if (isClosed) throw new Error('the test that this belongs to has ended')
    const child = spawn(process.execPath, [launcher, ...args], {
      cwd: folder,
      env: environment(env),
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    running.add(child)
    child.once('close', () => running.delete(child))
    return child
  }

  const run: Cli['run'] = (args, { input = '', env, signal } = {}) =>
    new Promise((resolve) => {
      const child = start(args, env)
      let [out, err] = ['', '']
      let isSent = false
      // Once: a second one ends it without any order.
      const hear = (): void => {
        if (isSent || typeof signal?.when !== 'string' || !(out + err).includes(signal.when)) return
        isSent = true
        child.kill(signal.name)
      }
      child.stdout?.setEncoding('utf8').on('data', (text: string) => {
        out += text
        hear()
      })
      child.stderr?.setEncoding('utf8').on('data', (text: string) => {
        err += text
        hear()
      })
      if (typeof signal?.when === 'function') void signal.when().then(() => child.kill(signal.name))
      child.stdin?.on('error', () => undefined)
      child.stdin?.end(input)
      child.once('close', (code) => resolve({ code, out, err }))
    })

  return {
    folder,
    run,
    async json(...args) {
      const { code, out, err } = await run([...args, '--json'])
      if (code !== 0) throw new Error(`perdure ${args.join(' ')} ended with ${code}: ${err}${out}`)
      return out
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as unknown)
    },
    async up(...args) {
      const child = start(['up', '--port', '0', '--health-port', '0', '--json', ...args])
      return await readyUp(child)
    },
    async node(...args) {
      const running = follow(start(['node', '--health-port', '0', '--json', ...args]))
      await running.line(({ is }) => is === 'node.ready')
      return running
    },
    async close() {
      isClosed = true
      for (const child of running) {
        const ended = new Promise((resolve) => child.once('close', resolve))
        child.kill('SIGTERM')
        await ended
      }
      await rm(folder, { recursive: true, force: true })
    },
  }
}

function follow(child: ChildProcess): Running {
  const lines: LogLine[] = []
  const waiting = new Set<() => void>()
  let err = ''
  let isOver = false
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (err += text))
  createInterface({ input: child.stdout as NonNullable<typeof child.stdout> }).on('line', (line) => {
    lines.push(JSON.parse(line) as LogLine)
    for (const wake of waiting) wake()
  })
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null; err: string }>((resolve) => {
    child.once('close', (code, signal) => {
      isOver = true
      for (const wake of waiting) wake()
      resolve({ code, signal, err })
    })
  })
  const line: Running['line'] = async (fits) => {
    for (;;) {
      const found = lines.find(fits)
      if (found !== undefined) return found
      if (isOver) throw new Error(`it ended before it said that: ${err}${lines.map(({ text }) => text).join('\n')}`)
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          waiting.delete(wake)
          resolve()
        }
        waiting.add(wake)
      })
    }
  }
  return {
    pid: child.pid as number,
    lines,
    line,
    send: (signal) => void child.kill(signal),
    ended,
    async stop() {
      child.kill('SIGTERM')
      return (await ended).code
    },
  }
}

async function readyUp(child: ChildProcess): Promise<Up> {
  const running = follow(child)
  const ready = await running.line(({ is }) => is === 'up.ready')
  const { url, health, server } = ready as unknown as { url: string; health?: string; server: { pid: number } }
  return { ...running, url, serverPid: server.pid, health: health ?? '' }
}

export async function loginOf(cli: Cli, file: 'credentials.json' | 'outside.json'): Promise<Record<string, string>> {
  return JSON.parse(await readFile(join(cli.folder, '.perdure', file), 'utf8')) as Record<string, string>
}
