/**
 * A real nats-server for a test: a child process on a free loopback port with a directory of
 * its own, gone after `stop()`. It can die (`kill`), come back on the same port and directory
 * (`restart`), and stand still (`pause`), because the laws of the log are about exactly that.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants, readdirSync, readFileSync, rmSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { createInterface } from 'node:readline'
import { setImmediate } from 'node:timers/promises'
import { anyFreePort } from '#runtime/server/free-port.ts'

export type NatsOptions = {
  /** Kept after stop; by default a new one under the system's temporary directory, removed. */
  readonly dir?: string | undefined
  readonly port?: number | undefined
  /** Further lines of a server configuration: users, cluster, limits. */
  readonly config?: string | undefined
  /** fsync before every acknowledgement. */
  readonly syncAlways?: boolean | undefined
  readonly jetstream?: boolean | undefined
  /** Servers of one cluster need names of their own. */
  readonly name?: string | undefined
  /** Where it listens; by default on loopback. */
  readonly host?: string | undefined
  /** What its command begins with, to run it elsewhere. */
  readonly through?: readonly string[] | undefined
}

export type TestNats = {
  readonly url: string
  readonly port: number
  readonly pid: number
  readonly dir: string
  stop(): Promise<void>
  /** SIGKILL; the directory and the port stay for `restart`. */
  kill(): Promise<void>
  /** SIGTERM, as one who plans to; the rest as after `kill`. */
  quit(): Promise<void>
  /** Starts again where the last process left off, killing it first if it still runs. */
  restart(): Promise<void>
  /** SIGSTOP; resolves when every thread stands still, for the signal itself returns before that. */
  pause(): Promise<void>
  resume(): void
  [Symbol.asyncDispose](): Promise<void>
}

const oldest = [2, 12, 1] as const
let known: string | undefined

export async function startNats(options: NatsOptions = {}): Promise<TestNats> {
  const dir = options.dir ?? (await mkdtemp(join(tmpdir(), 'perdure-nats-')))
  const file = join(dir, 'server.conf')
  await writeFile(file, configOf(dir, options))
  // None that somebody's outgoing connection could take before a restart.
  let server = await launch(file, options.port ?? (await anyFreePort()), options)
  const { port } = server

  // A test process that is told to end must not leave directories behind.
  const tidy = (): void => rmSync(dir, { recursive: true, force: true })
  if (options.dir === undefined) process.once('exit', tidy)

  const end = async (signal: NodeJS.Signals): Promise<void> => {
    const { child } = server
    if (child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill(signal)
    await ended
  }
  const stop = async (): Promise<void> => {
    await end('SIGKILL')
    process.removeListener('exit', tidy)
    if (options.dir === undefined) await rm(dir, { recursive: true, force: true })
  }
  return {
    url: `nats://${options.host ?? '127.0.0.1'}:${port}`,
    port,
    dir,
    get pid() {
      return server.child.pid as number
    },
    stop,
    kill: () => end('SIGKILL'),
    quit: () => end('SIGTERM'),
    async restart() {
      await end('SIGKILL')
      server = await launch(file, port, options)
    },
    async pause() {
      server.child.kill('SIGSTOP')
      while (!isStopped(server.child.pid as number)) await setImmediate()
    },
    resume: () => void server.child.kill('SIGCONT'),
    [Symbol.asyncDispose]: stop,
  }
}

function isStopped(pid: number): boolean {
  if (process.platform !== 'linux') {
    return execFileSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' })
      .trim()
      .startsWith('T')
  }
  return readdirSync(`/proc/${pid}/task`).every((task) =>
    // The state stands behind the name, which may hold spaces and brackets itself.
    /\) T /.test(readFileSync(`/proc/${pid}/task/${task}/stat`, 'utf8')),
  )
}

function configOf(dir: string, options: NatsOptions): string {
  const { config = '', syncAlways = false, jetstream = true, name = 'perdure-test' } = options
  const sync = syncAlways ? 'sync_interval: always, ' : ''
  const store = jetstream ? `jetstream { ${sync}store_dir: ${JSON.stringify(join(dir, 'jetstream'))} }\n` : ''
  return `server_name: ${name}\n${store}${config}\n`
}

type Launched = { readonly child: ChildProcess; readonly port: number }

/** Resolves when the server itself says that it is ready: no port is polled. */
async function launch(config: string, port: number, where: NatsOptions): Promise<Launched> {
  const { through = [], host = '127.0.0.1' } = where
  const [file, ...args] = [...through, natsServer(), '-c', config, '-a', host, '-p', String(port)]
  const child = spawn(file, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  // A test process that ends early must not leave servers behind.
  const reap = (): void => void child.kill('SIGKILL')
  process.once('exit', reap)
  child.once('exit', () => process.removeListener('exit', reap))

  const lines: string[] = []
  const out = createInterface({ input: child.stderr })
  return await new Promise<Launched>((resolve, reject) => {
    let found = port
    child.once('error', reject)
    child.once('exit', (code, signal) => {
      reject(new Error(`nats-server ended (${signal ?? code}) before it was ready:\n${lines.join('\n')}`))
    })
    out.on('line', (line) => {
      if (lines.length < 200) lines.push(line)
      const listening = /Listening for client connections on .*:(\d+)/.exec(line)
      if (listening) found = Number(listening[1])
      if (line.includes('Server is ready')) resolve({ child, port: found })
    })
  })
}

/** The first server that is new enough: configured, on PATH, or in the cache directory. */
export function natsServer(): string {
  if (known !== undefined) return known
  const cache = process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache')
  const places = [
    process.env['PERDURE_NATS_SERVER'] ?? '',
    ...(process.env['PATH'] ?? '').split(delimiter).map((dir) => join(dir || '.', 'nats-server')),
    join(cache, 'perdure', 'nats-server', 'nats-server'),
  ]
  known = places.find((place) => place !== '' && isNewEnough(place))
  if (known === undefined) {
    throw new Error(`No nats-server ${oldest.join('.')} or newer: set PERDURE_NATS_SERVER, or put one on PATH.`)
  }
  return known
}

function isNewEnough(place: string): boolean {
  try {
    accessSync(place, constants.X_OK)
    const text = execFileSync(place, ['--version'], { encoding: 'utf8' })
    const version = /v(\d+)\.(\d+)\.(\d+)/.exec(text)?.slice(1).map(Number) ?? []
    const differing = oldest.findIndex((want, at) => version[at] !== want)
    return differing < 0 || (version[differing] ?? 0) > (oldest[differing] ?? 0)
  } catch {
    return false
  }
}
