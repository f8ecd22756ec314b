/** The nats-servers of the nemesis: one, or three as a cluster, here or on machines of their own. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { connect } from '@nats-io/transport-node'
import { freePorts } from '#test/support/nats-cluster.ts'
import { startNats, type TestNats } from '#test/support/nats.ts'
import { type Hosts, openHosts } from './hosts.ts'

export type Servers = AsyncDisposable & {
  readonly all: readonly TestNats[]
  readonly urls: readonly string[]
  readonly hosts: Hosts | undefined
  /** The one that leads the stream of that name. */
  leaderOf(stream: string): Promise<TestNats>
  /** Resolves when those beside the first machine have somebody who leads JetStream as a whole, and each of these streams. */
  led(streams: readonly string[]): Promise<void>
  /** Resolves when every server keeps all of that stream. */
  inStep(stream: string): Promise<void>
}

const nameOf = (at: number): string => `nemesis-${at}`

export async function openServers(
  count: 1 | 3,
  { onHosts, dir }: { readonly onHosts: boolean; readonly dir: string },
): Promise<Servers> {
  const hosts = onHosts ? openHosts(3) : undefined
  const stack = new AsyncDisposableStack()
  stack.defer(() => hosts?.close())
  const routePorts = hosts === undefined ? await freePorts(count) : Array.from({ length: count }, () => 6222)
  const addresses = routePorts.map((_, at) => hosts?.hosts[at]?.address ?? '127.0.0.1')
  const routes = routePorts.map((port, at) => `"nats://${addresses[at]}:${port}"`).join(', ')
  const clustered = (at: number): string =>
    // Who dials knows all of them; what a server adds would lead around the wires.
    `cluster { name: nemesis, listen: "${addresses[at]}:${routePorts[at]}", routes: [${routes}], no_advertise: true }`
  const all = await Promise.all(
    routePorts.map(async (_, at) => {
      const own = join(dir, nameOf(at))
      await mkdir(own)
      const server = await startNats({
        name: nameOf(at),
        dir: own,
        host: addresses[at],
        through: hosts?.hosts[at]?.through,
        ...(count === 1 ? {} : { config: clustered(at) }),
      })
      stack.defer(() => server.stop())
      return server
    }),
  )
  const urls = all.map(({ url }) => url)
  const servers: Servers = {
    all,
    urls,
    hosts,
    async leaderOf(stream) {
      const info = await answered<{ cluster?: { leader?: string } }>(urls, `STREAM.INFO.${stream}`, {})
      return all.find((_, at) => nameOf(at) === info.cluster?.leader) ?? (all[0] as TestNats)
    },
    async led(streams) {
      const subjects = ['STREAM.NAMES', ...streams.map((stream) => `STREAM.INFO.${stream}`)]
      await Promise.all(subjects.map((subject) => answered(urls.slice(0, 1), subject, {})))
    },
    async inStep(stream) {
      type Info = { readonly cluster?: { readonly replicas?: readonly { readonly current: boolean }[] } }
      const isInStep = ({ cluster }: Info): boolean =>
        count === 1 || (cluster?.replicas?.length === count - 1 && cluster.replicas.every(({ current }) => current))
      while (!isInStep(await answered<Info>(urls, `STREAM.INFO.${stream}`, {})));
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
  if (count > 1)
    await answered(urls, 'STREAM.CREATE.probe', {
      name: 'probe',
      subjects: ['probe'],
      num_replicas: count,
      storage: 'memory',
    })
  return servers
}

/** Without a leader nobody answers, so each question is its own wait. */
async function answered<T extends object>(urls: readonly string[], subject: string, body: object): Promise<T> {
  const nc = await connect({ servers: [...urls], maxReconnectAttempts: -1 })
  try {
    for (;;) {
      const answer = await nc
        .request(`$JS.API.${subject}`, JSON.stringify(body), { timeout: 1000 })
        .then((found) => found.json<T & { error?: unknown }>())
        .catch((error: unknown) => ({ error }) as T & { error: unknown })
      if (answer.error === undefined) return answer
      await nc.flush()
    }
  } finally {
    await nc.close()
  }
}
