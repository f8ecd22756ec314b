/**
 * `up --cluster`: several nats-servers and as many nodes on one machine, each a process of its
 * own, so that one can be killed and the others be watched. It adds nothing to what nodes on many
 * machines do. Invariant: they end in order, the nodes together and then the servers.
 */
import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Config } from '#config/open-config.ts'
import { cutKeyFile, keyPlaceOf, serverOptionsOf } from '#config/options.ts'
import { flagsOfSettings } from '#config/settings.ts'
import { storedFaultOf } from '#protocol/fault.ts'
import { systemClock } from '#runtime/index.ts'
import { makeCutKey } from '#runtime/cuts/reading/cut-key.ts'
import { ensureCredentials, nodeLoginFile } from '#runtime/server/credentials.ts'
import { keepRunning, type KeptServer, restarts } from '#runtime/server/keep-running.ts'
import { launchCluster, type RunningCluster } from '#runtime/server/launch-cluster.ts'
import type { Call } from './command.ts'
import { type ChildLine, startChildNode } from './child-node.ts'
import { openEnding, type Why } from './ending.ts'
import type { ExitCode } from './exit-codes.ts'
import { type Log, openLog } from './log.ts'
import { makeDir, makeEach } from './make-dir.ts'
import { findBinary, levelOfLine } from './open-server.ts'

export type ClusterNode = {
  readonly name: string
  readonly dir: string
  readonly health: string | undefined
  pid(): number
}

export type ClusterRunning = {
  readonly isText: boolean
  readonly version: string
  readonly servers: RunningCluster
  readonly nodes: readonly ClusterNode[]
}

/** For what a node does besides giving its partitions away. */
const marginMs = 5_000

export async function runCluster(
  call: Call,
  count: number,
  onReady: (running: ClusterRunning) => void,
): Promise<ExitCode> {
  const { config } = call
  const { 'log.level': level, 'log.format': format } = config.node
  const isText = !call.json && (format === 'text' || (format === 'auto' && call.out.isTerminal))
  const log = openLog(call.out, { level, format: isText ? 'text' : 'json', clock: systemClock })
  const ending = openEnding(call, log)
  const kept: KeptServer[] = []
  let servers: RunningCluster | undefined
  let why: Why
  try {
    makeDir(config)
    const { binary, version } = await findBinary(config, log, ending.signal)
    servers = await launch({ config, count, binary, log, signal: ending.signal })
    void servers.exited.then((error) => ending.end({ is: 'error', error }))
    const nodes = await startNodes({
      config,
      count,
      log,
      servers,
      kept,
      onDied: (error) => ending.end({ is: 'error', error }),
    })
    ending.signal.throwIfAborted()
    onReady({ isText, version, servers, nodes })
    why = await ending.why
  } catch (error) {
    why = ending.signal.aborted ? await ending.why : { is: 'error', error }
  }
  await Promise.all(kept.map((node) => node.stop()))
  await servers?.stop()
  ending.stop()
  log.stop()
  if (why.is === 'error') throw why.error
  return 0
}

type Launch = {
  readonly config: Config
  readonly count: number
  readonly binary: string
  readonly log: Log
  readonly signal: AbortSignal
}

async function launch({ config, count, binary, log, signal }: Launch): Promise<RunningCluster> {
  return await launchCluster({
    ...serverOptionsOf(config),
    binary,
    count,
    signal,
    credentials: await ensureCredentials(config.node.dir),
    onLine: (line, server) =>
      log.say('server.line', levelOfLine(line), `nats-${server}: ${line.replace(/^\[\d+\] \S+ \S+ /, '')}`, { server }),
    onProgress: (line) => log.say('cluster.progress', 'info', line),
    onFault: (fault, server) => log.say('server.died', 'warn', `nats-${server}: ${fault.message}`, { server }),
  })
}

type Start = {
  readonly config: Config
  readonly count: number
  readonly log: Log
  readonly servers: RunningCluster
  /** Whatever was started is in here, also when another could not be. */
  readonly kept: KeptServer[]
  readonly onDied: (error: unknown) => void
}

async function startNodes(start: Start): Promise<readonly ClusterNode[]> {
  const first = await startNode(start, 1)
  const others = Array.from({ length: start.count - 1 }, (_, at) => startNode(start, at + 2))
  return [first, ...(await Promise.all(others))]
}

/** Resolves when it has joined; the first one makes the realm. */
async function startNode({ config, count, log, servers, kept, onDied }: Start, number: number): Promise<ClusterNode> {
  const name = `node-${number}`
  const dir = join(config.node.dir, name)
  const base = config.node['health.port']
  const port = base === 0 ? 0 : base + number - 1
  // A directory knows its login, so that no password stands in a list of processes.
  makeEach(dir)
  await copyFile(nodeLoginFile(config.node.dir), nodeLoginFile(dir))
  // Cuts of one realm are sealed with one key.
  await copyCutKey(config, dir)
  const joined = Promise.withResolvers<void>()
  let isJoined = false
  function onLine({ is, level, text, ...fields }: ChildLine): void {
    log.say(is, level, `${name}: ${text}`, { ...fields, node: name })
    if (is !== 'node.ready') return
    isJoined = true
    joined.resolve()
  }
  const options = {
    name,
    flags: flagsOf(config, { name, dir, port, count, urls: servers.url }),
    graceMs: config.node['drain.graceMs'] + marginMs,
    onLine,
    onLeft: () => log.say('node.left', 'info', `${name}: has stopped and is not started again`, { node: name }),
  }
  const node = await keepRunning({
    start: () => Promise.resolve(startChildNode(options)),
    limit: restarts,
    onEnded(fault) {
      log.say('node.died', 'warn', `${name}: ${fault.message}${isJoined ? ' It is started again.' : ''}`, {
        node: name,
      })
      if (isJoined) return
      joined.reject(fault)
      onDied(fault)
    },
    onStarted: () => log.say('node.again', 'info', `${name}: started again (process ${node.pid()})`, { node: name }),
    onResting: (fault, ms) =>
      log.say(
        'node.resting',
        'error',
        `${name} ended too often (${storedFaultOf(fault).code}); it is tried again in ${Math.ceil(ms / 1000)} s`,
        { node: name },
      ),
  })
  kept.push(node)
  await joined.promise
  return { name, dir, health: port === 0 ? undefined : `http://127.0.0.1:${port}`, pid: () => node.pid() }
}

async function copyCutKey(config: Config, dir: string): Promise<void> {
  const place = keyPlaceOf(config)
  if (place.given !== undefined || place.isNamed) return
  await makeCutKey(place)
  await copyFile(place.file, cutKeyFile(dir))
}

type Own = {
  readonly name: string
  readonly dir: string
  readonly port: number
  readonly count: number
  readonly urls: string
}

/** What was typed goes on to each node; variables and the file reach it anyway. */
function flagsOf(config: Config, { name, dir, port, count, urls }: Own): readonly string[] {
  const own = ['name', 'dir', 'servers', 'health.port', 'log.format']
  const typed = new Map(config.explain().map((row) => [row.name, row.value]))
  const passed = flagsOfSettings().flatMap(({ name: flag, type, setting }) => {
    if (setting === undefined || own.includes(setting) || config.sourceOf(setting).is !== 'flag') return []
    const value = typed.get(setting) ?? ''
    return type === 'string' ? [`--${flag}=${value}`] : value === 'true' ? [`--${flag}`] : []
  })
  return [
    ...(config.file === undefined ? [] : ['--config', config.file]),
    ...passed,
    ...(config.isSet('replicas') ? [] : ['--replicas', String(Math.min(count, 3))]),
    ...['--name', name, '--dir', dir, '--servers', urls, '--health-port', String(port)],
  ]
}
