/**
 * Runs the nats-server that holds the log, as a child with a directory of its own. Invariants:
 * one server to a directory, whatever ended the last one; it is reachable over loopback only;
 * and what was acknowledged is found again by the next start, also after a kill of this process.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readdir, readFile, realpath, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Fault } from '#protocol/fault.ts'
import { noteServers, type ServerCredentials } from './credentials.ts'
import { lockDirectory } from './directory-lock.ts'
import { requireFreePort } from './free-port.ts'
import { followLog } from './log-tail.ts'
import { commandOf } from './process-identity.ts'
import { serverConfigText, type ServerHome } from './server-config.ts'
import { awaitReady } from './server-ready.ts'
import { stopProcess } from './stop-process.ts'
import { watchOver } from './watchdog.ts'

export type LaunchOptions = {
  readonly binary: string
  /** The directory of this node; the server's own is a part of it. */
  readonly dir: string
  /** 0 for any free one. */
  readonly port: number
  /** The server's monitoring page; none when 0. */
  readonly httpPort: number
  readonly durability: 'process' | 'power'
  readonly maxPayload: number
  readonly credentials: ServerCredentials
  /** The realms whose public addresses outsiders may publish to. */
  readonly realms: readonly string[]
  /** What outsiders may read of these realms, for example `ev.>`. */
  readonly readable: readonly string[]
  /** How long the server may take to close its store before it is killed. */
  readonly graceMs: number
  readonly onLine: (line: string) => void
  /** Gives the launch up; `stop()` is for later. */
  readonly signal?: AbortSignal | undefined
}

export type RunningServer = AsyncDisposable & {
  readonly url: string
  readonly port: number
  readonly pid: number
  readonly credentials: ServerCredentials
  /** Nothing when it was stopped by us, else why it ended. */
  readonly exited: Promise<Fault | undefined>
  /** To be called after the last node has let go. */
  stop(): Promise<void>
}

export async function launchServer(options: LaunchOptions): Promise<RunningServer> {
  const home = await makeHome(options.dir)
  const lock = await lockDirectory(home.dir, options.dir)
  try {
    await stopOrphan(home, options)
    await requireFreePort(options.port, '--port')
    await requireFreePort(options.httpPort, '--monitor-port')
    await writeConfig(home, options)
    return await start(home, options, lock.release)
  } catch (error) {
    await lock.release()
    throw error
  }
}

/** Real paths, so that a server is recognised by its command line however the directory was named. */
async function makeHome(dir: string): Promise<ServerHome> {
  await mkdir(join(dir, 'server'), { recursive: true, mode: 0o700 })
  const home = await realpath(join(dir, 'server'))
  const at = (name: string): string => join(home, name)
  return { dir: home, store: home, config: at('nats.conf'), log: at('nats.log'), pid: at('nats.pid') }
}

/** The lock is ours, so a server that still runs here has lost its owner. */
async function stopOrphan(home: ServerHome, { graceMs, onLine }: LaunchOptions): Promise<void> {
  const pid = Number(await readFile(home.pid, 'utf8').catch(() => '0'))
  if (pid > 0 && commandOf(pid)?.includes(home.config)) {
    onLine(`stopping the nats-server (pid ${pid}) that an earlier run left behind`)
    await stopProcess(pid, graceMs)
  }
  for (const name of await readdir(home.dir)) {
    if (name.endsWith('.ports')) await rm(join(home.dir, name), { force: true })
  }
}

async function writeConfig(home: ServerHome, options: LaunchOptions): Promise<void> {
  const { port, httpPort, durability, maxPayload, credentials, realms, readable } = options
  const draft = `${home.config}.new`
  await rm(draft, { force: true })
  const text = serverConfigText({ home, port, httpPort, durability, maxPayload, credentials, realms, readable })
  await writeFile(draft, text, { mode: 0o600, flag: 'wx' })
  await rename(draft, home.config)
}

async function start(home: ServerHome, options: LaunchOptions, release: () => Promise<void>): Promise<RunningServer> {
  const { binary, dir, credentials, graceMs, onLine, signal } = options
  signal?.throwIfAborted()
  const log = followLog(home.log, onLine)
  // A session of its own: Ctrl-C in a terminal reaches us alone, and we stop it after the nodes.
  const child = spawn(binary, ['-c', home.config], { detached: true, stdio: ['ignore', 'ignore', 'pipe'] })
  const complaints = collect(child, onLine)
  let isStopping = false
  let isReady = false
  const exited = endOf(child).then(async (reason) => {
    log.stop()
    await release()
    return isStopping
      ? undefined
      : faultOf(reason, [...log.last(5), ...complaints], isReady ? { ...options, port: 0 } : options)
  })
  if (child.pid === undefined) throw (await exited) ?? new Error('unreachable')
  const { pid } = child
  const watchdog = watchOver(pid)
  void exited.then(() => watchdog.dismiss())

  const stop = async (): Promise<void> => {
    isStopping = true
    child.kill('SIGTERM')
    const harder = setTimeout(() => child.kill('SIGKILL'), graceMs)
    await exited
    clearTimeout(harder)
  }
  try {
    const port = await awaitReady({ home: home.dir, pid, port: options.port, login: credentials.node, exited, signal })
    isReady = true
    const url = `nats://127.0.0.1:${port}`
    await noteServers(dir, url)
    log.read()
    return { url, port, pid, credentials, exited, stop, [Symbol.asyncDispose]: stop }
  } catch (error) {
    await stop()
    throw error
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

function faultOf(
  reason: string,
  lines: readonly string[],
  { port, httpPort }: Pick<LaunchOptions, 'port' | 'httpPort'>,
): Fault {
  const taken = lines.find((line) => /address already in use/.test(line))
  if (taken !== undefined) {
    if (httpPort !== 0 && taken.includes(`:${httpPort}`)) {
      return new Fault('port.taken', { value: httpPort, option: '--monitor-port' })
    }
    if (port !== 0) return new Fault('port.taken', { value: port, option: '--port' })
  }
  // Without process number and time, which nobody needs in a sentence.
  const said = lines.map((line) => line.replace(/^\[\d+\] \S+ \S+ /, '')).join(' | ')
  return new Fault('server.died', { reason, lines: said || '(none)' })
}
