/**
 * Runs the nats-server that holds the log, as a child with a directory of its own. Invariants:
 * one server to a directory, whatever ended the last one; it is reachable over loopback only; one
 * that ends by itself is started again at the same port; and what was acknowledged is found again
 * by the next start, also after a kill of this process.
 */
import { join } from 'node:path'
import { Fault, isFault } from '#protocol/fault.ts'
import { noteServers, type ServerCredentials } from './credentials.ts'
import { lockDirectory } from './directory-lock.ts'
import { requireFreePort } from './free-port.ts'
import { keepRunning, restarts } from './keep-running.ts'
import { runServer, type ServerProcess } from './run-server.ts'
import { serverConfigText } from './server-config.ts'
import { makeHome, removePortNotes, type ServerHome, stopOrphan, writeConfig } from './server-home.ts'
import { requireServers } from './server-count.ts'
import { awaitReady } from './server-ready.ts'

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
  /** What is done for it, for a person who waits. */
  readonly onProgress: (line: string) => void
  /** It ended by itself, and is started again. */
  readonly onFault: (fault: Fault) => void
  /** Gives the launch up; `stop()` is for later. */
  readonly signal?: AbortSignal | undefined
}

export type RunningServer = AsyncDisposable & {
  readonly url: string
  readonly port: number
  /** Another one after it was started again. */
  readonly pid: number
  readonly credentials: ServerCredentials
  /** Nothing when it was stopped by us, else why it cannot be kept running. */
  readonly exited: Promise<Fault | undefined>
  /** To be called after the last node has let go. */
  stop(): Promise<void>
}

export async function launchServer(options: LaunchOptions): Promise<RunningServer> {
  const { dir, graceMs, onProgress } = options
  const home = await makeHome(join(dir, 'server'))
  const lock = await lockDirectory(home.dir, dir)
  try {
    await requireServers(dir, 1)
    await stopOrphan(home, { graceMs, onNote: onProgress })
    await requireFreePort(options.port, '--port')
    await requireFreePort(options.httpPort, '--monitor-port')
    return await keep(home, options, lock.release)
  } catch (error) {
    await lock.release()
    throw error
  }
}

async function keep(home: ServerHome, options: LaunchOptions, release: () => Promise<void>): Promise<RunningServer> {
  const { dir, credentials, onProgress, onFault } = options
  const ended = Promise.withResolvers<Fault | undefined>()
  // Whatever port it found the first time, clients know it from then on.
  let { port } = options
  let isBegun = false
  options.signal?.throwIfAborted()
  const kept = await keepRunning({
    limit: restarts,
    async start(giveUp) {
      const signal = isBegun ? giveUp : options.signal
      const running = await start(home, { ...options, port, signal })
      isBegun = true
      ;({ port } = running)
      return running
    },
    onEnded: onFault,
    onStarted: () => onProgress(`the nats-server runs again at port ${port} (process ${kept.pid()})`),
    onResting: (fault) => void end(restless(fault, dir, home)),
  })

  /** Said once everything of it is gone. */
  async function end(fault: Fault | undefined): Promise<void> {
    await kept.stop()
    await release()
    ended.resolve(fault)
  }
  const url = `nats://127.0.0.1:${port}`
  const stop = (): Promise<void> => end(undefined)
  try {
    await noteServers(dir, url)
  } catch (error) {
    await stop()
    throw error
  }
  return {
    url,
    port,
    get pid() {
      return kept.pid()
    },
    credentials,
    exited: ended.promise,
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

/** One process, from its configuration to a log that can be written. */
async function start(home: ServerHome, options: LaunchOptions): Promise<ServerProcess & { readonly port: number }> {
  const { binary, credentials, graceMs, onLine, signal } = options
  await writeConfig(home, serverConfigText({ ...options, home }))
  await removePortNotes(home)
  const ports = [[options.httpPort, '--monitor-port'] as const, [options.port, '--port'] as const]
  const server = await runServer({ binary, home, ports, graceMs, onLine })
  const { pid, exited } = server
  try {
    const port = await awaitReady({ home: home.dir, pid, port: options.port, login: credentials.node, exited, signal })
    server.ready()
    return { ...server, port }
  } catch (error) {
    await server.stop()
    throw error
  }
}

/** What says by itself what to do is told as it is. */
function restless(fault: Fault, dir: string, { log }: ServerHome): Fault {
  if (!isFault(fault, 'server.died')) return fault
  const { reason = '', lines = '' } = fault.details as Readonly<Record<string, string>>
  const details = { value: restarts.starts + 1, limit: restarts.withinMs / 1000, reason, lines, dir, log }
  return new Fault('server.restless', details, { cause: fault })
}
