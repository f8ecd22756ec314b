/**
 * What a work stands on: a nats-server of its own with an empty store, and the programs around
 * it. Invariant: whatever a work does, everything it began has ended and its directory is gone
 * when the ground is.
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { openConfig } from '#config/open-config.ts'
import { busOptionsOf, clientOptionsOf, serverSearchOf } from '#config/options.ts'
import { realmHandleOf, type RealmHandle } from '#runtime/client/realm-handle.ts'
import { systemClock } from '#runtime/clock.ts'
import { openBus } from '#runtime/nats/open-bus.ts'
import { ensureCredentials } from '#runtime/server/credentials.ts'
import { fetchServer } from '#runtime/server/fetch-server.ts'
import { findServer } from '#runtime/server/find-server.ts'
import { launchServer, type RunningServer } from '#runtime/server/launch-server.ts'
import { type Access, configFor } from './access.ts'
import { type Calls, type Program, startProgram } from './program.ts'
import type { NodeCalls, NodeSetup } from './programs/node.ts'
import type { RawCalls } from './programs/raw.ts'
import type { SenderCalls } from './programs/sender.ts'

export type GroundOptions = {
  /** Where directories are made; the disk under it is part of what is measured. */
  readonly dir: string
  readonly durability: 'process' | 'power'
  /** Where the node's CPU profiles go, if anywhere. */
  readonly profile: string | undefined
  readonly onLine: (line: string) => void
}

export type Ground = AsyncDisposable & {
  readonly access: Access
  readonly serverPid: number
  /** A node's process that has not opened anything yet. */
  bareNode(): Program<NodeCalls>
  openNode(setup?: Omit<NodeSetup, 'access'>): Promise<Program<NodeCalls>>
  /** `realm`: another one, to measure the log of a realm in which no node runs. */
  openSender(realm?: string): Promise<Program<SenderCalls>>
  openRaw(): Promise<Program<RawCalls>>
  /** A realm as one who looks on sees it, in this process. */
  openRealm(): Promise<RealmHandle>
}

const serverMaxPayload = 8 * 1024 * 1024
const serverGraceMs = 10_000

export async function openGround({ dir, durability, profile, onLine }: GroundOptions): Promise<Ground> {
  const binary = await serverBinary(onLine)
  const home = await mkdtemp(join(dir, 'perdure-bench-'))
  const programs: Program<Calls>[] = []
  let server: RunningServer | undefined
  const close = async (): Promise<void> => {
    for (const program of programs.toReversed()) await program.stop()
    await server?.stop()
    await rm(home, { recursive: true, force: true })
  }
  try {
    const realm = 'bench'
    const credentials = await ensureCredentials(home)
    server = await launchServer({
      binary,
      dir: home,
      port: 0,
      httpPort: 0,
      durability,
      maxPayload: serverMaxPayload,
      credentials,
      realms: [realm],
      readable: [],
      graceMs: serverGraceMs,
      onLine: () => undefined,
      onProgress: onLine,
      onFault: (fault) => onLine(fault.message),
    })
    const access: Access = { url: server.url, auth: credentials.node, realm, dir: join(home, 'node'), durability }
    await mkdir(access.dir)

    const start = <C extends Calls>(file: URL, execArgv: readonly string[] = []): Program<C> => {
      const program = startProgram<C>(file, { cwd: access.dir, execArgv })
      programs.push(program)
      return program
    }
    const profiling = profile === undefined ? [] : ['--cpu-prof', '--cpu-prof-dir', profile]
    const bareNode = (): Program<NodeCalls> =>
      start<NodeCalls>(new URL('./programs/node.ts', import.meta.url), profiling)
    return {
      access,
      serverPid: server.pid,
      bareNode,
      async openNode(setup = {}) {
        const node = bareNode()
        await node.call('open', { ...setup, access })
        return node
      },
      async openSender(name = realm) {
        const sender = start<SenderCalls>(new URL('./programs/sender.ts', import.meta.url))
        await sender.call('connect', { access: { ...access, realm: name } })
        return sender
      },
      async openRaw() {
        const raw = start<RawCalls>(new URL('./programs/raw.ts', import.meta.url))
        await raw.call('connect', access)
        return raw
      },
      async openRealm() {
        const config = configFor(access)
        const bus = await openBus({ ...busOptionsOf(config), auth: access.auth, create: false })
        return realmHandleOf({ bus, clock: systemClock }, { ...clientOptionsOf(config), client: undefined })
      },
      [Symbol.asyncDispose]: close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

let known: Promise<string> | undefined

function serverBinary(onLine: (line: string) => void): Promise<string> {
  const search = async (): Promise<string> => {
    const options = serverSearchOf(openConfig())
    const found = await findServer({ ...options, onNote: onLine })
    return found?.binary ?? (await fetchServer({ ...options, onProgress: onLine }))
  }
  known ??= search()
  return known
}
