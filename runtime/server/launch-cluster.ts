/**
 * Runs several nats-servers that keep the log together, on one machine, for trying out what
 * many machines do. Invariants: each server has a directory, a name and ports of its own and
 * keeps them while this lives; one that ends is started again; and what was acknowledged is
 * found again by the next start, also after a kill of all.
 */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type Fault, isFault } from '#protocol/fault.ts'
import { awaitCluster } from './cluster-ready.ts'
import { newRouteLogin, noteServers, type ServerCredentials } from './credentials.ts'
import { lockDirectory } from './directory-lock.ts'
import { portsFrom, requireFreePort } from './free-port.ts'
import { keepRunning, type KeptServer, restarts } from './keep-running.ts'
import type { LaunchOptions } from './launch-server.ts'
import { runServer, type ServerProcess } from './run-server.ts'
import { serverConfigText } from './server-config.ts'
import { memberDir, requireServers } from './server-count.ts'
import { makeHome, removePortNotes, type ServerHome, stopOrphan, writeConfig } from './server-home.ts'

export type ClusterOptions = Omit<LaunchOptions, 'onLine' | 'onFault'> & {
  /** An odd number, at least three: a majority of them must run. */
  readonly count: number
  /** A line of the log of one of them, counted from 1. */
  readonly onLine: (line: string, server: number) => void
  /** One ended by itself; the others go on, and it is started again. */
  readonly onFault: (fault: Fault, server: number) => void
}

export type ClusterServer = { readonly name: string; readonly url: string; readonly port: number; pid(): number }

export type RunningCluster = AsyncDisposable & {
  readonly servers: readonly ClusterServer[]
  readonly urls: readonly string[]
  /** All of them with commas between, as a person names them. */
  readonly url: string
  readonly credentials: ServerCredentials
  /** Nothing when it was stopped by us, else why no majority of them can run. */
  readonly exited: Promise<Fault | undefined>
  /** To be called after the last node has let go. */
  stop(): Promise<void>
}

/** What servers that are started one after the other say of each other until the last is there. */
const birthPangs =
  /Error trying to connect to route|Waiting for routing to be established|not established contact with a meta leader/

type Member = {
  readonly number: number
  readonly name: string
  readonly home: ServerHome
  readonly port: number
  /** Where the others reach it. */
  readonly route: number
}

/** Ports were free when they were chosen, and another program was quicker: that often they are chosen anew. */
const choicesMost = 10

export async function launchCluster(options: ClusterOptions): Promise<RunningCluster> {
  const { dir, count } = options
  if (count < 3 || count % 2 === 0) throw new RangeError(`A cluster has 3, 5 or 7 servers, not ${count}.`)
  const place = join(dir, 'cluster')
  await mkdir(place, { recursive: true, mode: 0o700 })
  const lock = await lockDirectory(place, dir)
  try {
    return await choose(options, lock.release)
  } catch (error) {
    await lock.release()
    throw error
  }
}

/** Only what was free when it was looked at is chosen anew; a port that was asked for and is taken is said at once. */
async function choose(options: ClusterOptions, release: () => Promise<void>): Promise<RunningCluster> {
  for (let choice = 1; ; choice++) {
    const members = await prepare(options)
    try {
      return await start(members, options, release)
    } catch (error) {
      if (!isFault(error, 'port.taken') || choice === choicesMost) throw error
      options.onProgress(`port ${error.details.value} was taken meanwhile; choosing others`)
    }
  }
}

async function prepare(options: ClusterOptions): Promise<readonly Member[]> {
  const { dir, count, graceMs, onProgress } = options
  await requireServers(dir, count)
  const numbers = Array.from({ length: count }, (_, at) => at + 1)
  const homes = await Promise.all(numbers.map((number) => makeHome(memberDir(dir, number))))
  await Promise.all(homes.map((home) => stopOrphan(home, { graceMs, onNote: onProgress })))
  await requireFreePort(options.httpPort, '--monitor-port')
  const ports = await portsFrom(options.port, 2 * count, '--port')
  const login = newRouteLogin()
  const members = numbers.map((number, at) => ({
    number,
    name: `perdure-${number}`,
    home: homes[at] as ServerHome,
    port: ports[at] as number,
    route: ports[count + at] as number,
  }))
  for (const { name, home, port, route, number } of members) {
    const others = members.filter((other) => other.number !== number).map((other) => other.route)
    const cluster = { server: name, port: route, others, login }
    // One page shows all of them.
    const httpPort = number === 1 ? options.httpPort : 0
    await writeConfig(home, serverConfigText({ ...options, home, port, httpPort, cluster }))
  }
  return members
}

async function start(
  members: readonly Member[],
  options: ClusterOptions,
  release: () => Promise<void>,
): Promise<RunningCluster> {
  const { dir, count, credentials, onProgress, onFault, signal } = options
  const failing = Promise.withResolvers<never>()
  const ending = Promise.withResolvers<Fault | undefined>()
  failing.promise.catch(() => undefined)
  let isReady = false
  const kept: KeptServer[] = []
  const onLine = (line: string, server: number): void => {
    if (isReady || !birthPangs.test(line)) options.onLine(line, server)
  }

  // Together: each hands its leadership to another as long as there is one, and the last need not.
  const stopAll = async (): Promise<unknown> => await Promise.all(kept.map((server) => server.stop()))
  async function stop(): Promise<void> {
    await stopAll()
    await release()
    ending.resolve(undefined)
  }
  const keep = async (member: Member): Promise<KeptServer> =>
    await keepRunning({
      start: async () => await runMember(member, { ...options, onLine }),
      limit: restarts,
      onEnded(fault) {
        // The end of one that never ran ends the launch, and is told by that.
        if (isReady) onFault(fault, member.number)
        else failing.reject(fault)
      },
      onStarted: () => onProgress(`started server ${member.number} of ${count} again`),
      onResting(fault, ms) {
        onProgress(
          `server ${member.number} of ${count} ended too often and is tried again in ${Math.ceil(ms / 1000)} s`,
        )
        if (kept.filter((server) => server.isResting()).length > (count - 1) / 2) ending.resolve(fault)
      },
    })

  try {
    signal?.throwIfAborted()
    onProgress(`starting ${count} nats-servers at ports ${members.map(({ port }) => port).join(', ')}`)
    for (const member of members) kept.push(await keep(member))
    const urls = members.map(({ port }) => `nats://127.0.0.1:${port}`)
    onProgress('waiting until they have chosen who leads; this takes up to 10 s')
    await awaitCluster({ urls, login: credentials.node, failed: failing.promise, signal, onProgress })
    isReady = true
    await noteServers(dir, urls.join(','))
    const servers = members.map(({ name, port }, at) => ({
      name,
      port,
      url: urls[at] as string,
      pid: () => (kept[at] as KeptServer).pid(),
    }))
    return {
      servers,
      urls,
      url: urls.join(','),
      credentials,
      exited: ending.promise,
      stop,
      [Symbol.asyncDispose]: stop,
    }
  } catch (error) {
    await stopAll()
    throw error
  }
}

async function runMember(
  { number, home, port, route }: Member,
  { binary, graceMs, httpPort, onLine }: ClusterOptions,
): Promise<ServerProcess> {
  await removePortNotes(home)
  const ports = [
    [port, '--port'] as const,
    [number === 1 ? httpPort : 0, '--monitor-port'] as const,
    [route, '--port'] as const,
  ]
  return await runServer({ binary, home, ports, graceMs, onLine: (line) => onLine(line, number) })
}
