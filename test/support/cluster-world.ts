/** Clusters of the embedded server in directories of their own, for tests; all of it is gone at the end. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import type { Fault } from '#protocol/fault.ts'
import type { Login } from '#runtime/server/credentials.ts'
import { type ClusterOptions, launchCluster, type RunningCluster } from '#runtime/server/launch-cluster.ts'
import { isAlive } from '#runtime/server/process-identity.ts'
import { launchOptionsOf } from './launch-options.ts'
import { natsServer } from './nats.ts'

export type ClusterWorld = AsyncDisposable & {
  readonly dir: string
  /** Everything that was said: lines of logs, progress, faults. */
  readonly said: string[]
  readonly faults: (readonly [number, Fault])[]
  /** Resolves when something that fits was said, also before. */
  heard(fits: RegExp): Promise<string>
  options(change?: Partial<ClusterOptions>): Promise<ClusterOptions>
  launch(change?: Partial<ClusterOptions>): Promise<RunningCluster>
  /** In a process of its own, which can be killed. */
  launchElsewhere(): Promise<{
    readonly pids: readonly number[]
    readonly urls: readonly string[]
    kill(): Promise<void>
  }>
  connect(urls: readonly string[], login: Login): Promise<NatsConnection>
}

export async function openClusterWorld(): Promise<ClusterWorld> {
  const dir = await mkdtemp(join(tmpdir(), 'perdure-cluster-'))
  const said: string[] = []
  const faults: (readonly [number, Fault])[] = []
  const wakes = new Set<() => void>()
  const atEnd: (() => Promise<unknown> | void)[] = []
  const say = (text: string): void => {
    said.push(text)
    for (const wake of wakes) wake()
  }
  const options = async (change: Partial<ClusterOptions> = {}): Promise<ClusterOptions> => ({
    ...(await launchOptionsOf(natsServer(), dir)),
    count: 3,
    graceMs: 10_000,
    onLine: say,
    onProgress: say,
    onFault(fault, server) {
      faults.push([server, fault])
      say(`fault of ${server}: ${fault.message}`)
    },
    ...change,
  })
  return {
    dir,
    said,
    faults,
    options,
    async heard(fits) {
      for (;;) {
        const found = said.find((text) => fits.test(text))
        if (found !== undefined) return found
        await new Promise<void>((resolve) => wakes.add(resolve))
      }
    },
    async launch(change) {
      const cluster = await launchCluster(await options(change))
      atEnd.push(() => cluster.stop())
      return cluster
    },
    async launchElsewhere() {
      const script = fileURLToPath(import.meta.resolve('#test/support/cluster-parent.ts'))
      const child: ChildProcess = spawn(process.execPath, [script, natsServer(), dir], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      atEnd.push(() => void child.kill('SIGKILL'))
      const lines = createInterface({ input: child.stdout as NonNullable<typeof child.stdout> })
      const [line] = (await once(lines, 'line')) as [string]
      const { pids, urls } = JSON.parse(line) as { pids: number[]; urls: string[] }
      atEnd.push(() => pids.filter(isAlive).forEach((pid) => process.kill(pid, 'SIGKILL')))
      return {
        pids,
        urls,
        async kill() {
          const ended = once(child, 'exit')
          child.kill('SIGKILL')
          await ended
        },
      }
    },
    async connect(urls, { user, pass }) {
      const connection = await connect({ servers: [...urls], user, pass, maxReconnectAttempts: -1 })
      atEnd.push(() => connection.close())
      return connection
    },
    async [Symbol.asyncDispose]() {
      for (const end of atEnd.splice(0).toReversed()) await end()
      await rm(dir, { recursive: true, force: true })
    },
  }
}

/** Asks until there is an answer: between two leaders there is none. */
export async function asked<T>(connection: NatsConnection, subject: string, body: unknown): Promise<T> {
  for (;;) {
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    const answer = await connection.request(subject, text, { timeout: 1_000 }).catch(() => undefined)
    const value = answer === undefined || answer.data.length === 0 ? undefined : answer.json<T & { error?: unknown }>()
    if (value !== undefined && value.error === undefined) return value
    await connection.flush().catch(() => undefined)
  }
}
