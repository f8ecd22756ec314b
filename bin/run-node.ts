/**
 * A node's life as a process, for `up` and `node`: it opens, serves until somebody or something
 * ends it, drains, and lets go in the order in which things stand on each other: the node first,
 * then what watches it, the server last.
 */
import type { Config } from '#config/open-config.ts'
import { type ActorKind, type Node, systemClock } from '#runtime/index.ts'
import { openConfiguredNode } from '#runtime/wiring.ts'
import type { Call } from './command.ts'
import { openEnding, type Why } from './ending.ts'
import type { ExitCode } from './exit-codes.ts'
import { type HealthServer, openHealth } from './health.ts'
import { loadActors, loadInvariants } from './load-actors.ts'
import { type Log, openLog } from './log.ts'
import { makeDir } from './make-dir.ts'
import { openServer, type StartedServer } from './open-server.ts'

/** What runs; all of it while the process serves, a part of it while it begins and ends. */
export type Running = {
  /** Whether its log is for people. */
  readonly isText: boolean
  actors: readonly ActorKind[]
  server?: StartedServer
  health?: HealthServer
  node?: Node
}

export async function runNode(call: Call, withServer: boolean, onReady: (running: Running) => void): Promise<ExitCode> {
  const { config } = call
  const { 'log.level': level, 'log.format': format } = config.node
  const isText = !call.json && (format === 'text' || (format === 'auto' && call.out.isTerminal))
  const log = openLog(call.out, { level, format: isText ? 'text' : 'json', clock: systemClock })
  const ending = openEnding(call, log)
  const running: Running = { isText, actors: [] }
  let why: Why
  try {
    await begin(running, { config, log, withServer, signal: ending.signal })
    void running.server?.server.exited.then((error) => ending.end({ is: 'error', error }))
    void running.node?.ended.then((error) => {
      if (error !== undefined) ending.end({ is: 'error', error })
      else if (ending.signal.aborted) return
      // Other nodes may live on this server.
      else if (running.server === undefined) ending.end({ is: 'drained' })
      else log.say('up.drained', 'info', 'the node has stopped, the server goes on; Ctrl-C ends it')
    })
    if (!ending.signal.aborted) onReady(running)
    why = await ending.why
  } catch (error) {
    why = ending.signal.aborted ? await ending.why : { is: 'error', error }
  }
  await letGo(running, why)
  ending.stop()
  log.stop()
  if (why.is === 'error') throw why.error
  return 0
}

type Begin = { readonly config: Config; readonly log: Log; readonly withServer: boolean; readonly signal: AbortSignal }

async function begin(running: Running, { config, log, withServer, signal }: Begin): Promise<void> {
  makeDir(config)
  running.actors = await loadActors(config.node['actors.module'])
  const invariants = await loadInvariants(config)
  if (withServer) running.server = await openServer(config, log, signal)
  const port = config.node['health.port']
  if (port !== 0) running.health = await openHealth(port)
  signal.throwIfAborted()
  running.node = await openConfiguredNode(config, {
    ...{ actors: running.actors, invariants },
    ...{ isPatient: !withServer, signal },
  })
  running.health?.attach(running.node)
}

async function letGo({ node, health, server }: Running, why: Why): Promise<void> {
  // After a failure there is nobody to acknowledge what a drain would wait for.
  if (why.is === 'error') node?.kill()
  await node?.stop()
  health?.close()
  await server?.server.stop()
}
