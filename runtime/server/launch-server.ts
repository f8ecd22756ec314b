/**
 * Runs the nats-server that holds the log, as a child with a directory of its own. Invariants:
 * one server to a directory, whatever ended the last one; it is reachable over loopback only;
 * and what was acknowledged is found again by the next start, also after a kill of this process.
 */
import { join } from 'node:path'
import type { Fault } from '#protocol/fault.ts'
import { noteServers, type ServerCredentials } from './credentials.ts'
import { lockDirectory } from './directory-lock.ts'
import { requireFreePort } from './free-port.ts'
import { runServer } from './run-server.ts'
import { serverConfigText } from './server-config.ts'
import { makeHome, type ServerHome, stopOrphan, writeConfig } from './server-home.ts'
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
  const { dir, graceMs, onLine } = options
  const home = await makeHome(join(dir, 'server'))
  const lock = await lockDirectory(home.dir, dir)
  try {
    await requireServers(dir, 1)
    await stopOrphan(home, { graceMs, onNote: onLine })
    await requireFreePort(options.port, '--port')
    await requireFreePort(options.httpPort, '--monitor-port')
    await writeConfig(home, serverConfigText({ ...options, home }))
    return await start(home, options, lock.release)
  } catch (error) {
    await lock.release()
    throw error
  }
}

async function start(home: ServerHome, options: LaunchOptions, release: () => Promise<void>): Promise<RunningServer> {
  const { binary, dir, credentials, graceMs, onLine, signal } = options
  signal?.throwIfAborted()
  const ports = [[options.httpPort, '--monitor-port'] as const, [options.port, '--port'] as const]
  const server = await runServer({ binary, home, ports, graceMs, onLine })
  const { pid } = server
  const exited = server.exited.then(async (fault) => {
    await release()
    return fault
  })
  const stop = async (): Promise<void> => {
    await server.stop()
    await exited
  }
  try {
    const port = await awaitReady({ home: home.dir, pid, port: options.port, login: credentials.node, exited, signal })
    server.ready()
    const url = `nats://127.0.0.1:${port}`
    await noteServers(dir, url)
    return { url, port, pid, credentials, exited, stop, [Symbol.asyncDispose]: stop }
  } catch (error) {
    await stop()
    throw error
  }
}
