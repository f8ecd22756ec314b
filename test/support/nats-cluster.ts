/** Three real servers as one JetStream cluster, for what only replication shows. */
import { connect } from '@nats-io/transport-node'
import { anyFreePort } from '#runtime/server/free-port.ts'
import { type TestNats, startNats } from './nats.ts'

export type NatsCluster = {
  readonly servers: readonly TestNats[]
  readonly urls: readonly string[]
  /** Resolves when the cluster has a leader and, if one is named, the stream has one. */
  ready(stream?: string): Promise<void>
  /** Resolves when every server keeps all of the stream. */
  inStep(stream: string): Promise<void>
  stop(): Promise<void>
}

export async function startCluster(count = 3): Promise<NatsCluster> {
  const ports = await freePorts(count)
  const routes = ports.map((port) => `"nats://127.0.0.1:${port}"`).join(', ')
  const servers = await Promise.all(
    ports.map((port, at) =>
      startNats({
        name: `perdure-test-${at}`,
        config: `cluster { name: perdure-test, listen: "127.0.0.1:${port}", routes: [${routes}] }`,
      }),
    ),
  )
  const urls = servers.map(({ url }) => url)
  const ready = async (stream?: string): Promise<void> => {
    // Without a leader nobody answers, so each question is its own wait.
    const probe = { name: 'probe', subjects: ['probe'], num_replicas: count, storage: 'memory' }
    await answered(urls, 'STREAM.CREATE.probe', probe)
    if (stream !== undefined) await answered(urls, `STREAM.INFO.${stream}`, {})
  }
  await ready()
  return {
    servers,
    urls,
    ready,
    async inStep(stream) {
      type Info = { readonly cluster?: { readonly replicas?: readonly { readonly current: boolean }[] } }
      const isInStep = ({ cluster }: Info): boolean =>
        cluster?.replicas?.length === count - 1 && cluster.replicas.every(({ current }) => current)
      while (!isInStep(await answered<Info>(urls, `STREAM.INFO.${stream}`, {})));
    },
    async stop() {
      for (const server of servers) await server.stop()
    },
  }
}

async function answered<T extends object>(urls: readonly string[], subject: string, body: object): Promise<T> {
  const nc = await connect({ servers: [...urls], maxReconnectAttempts: -1 })
  try {
    for (;;) {
      const answer = await nc
        .request(`$JS.API.${subject}`, JSON.stringify(body), { timeout: 1000 })
        .then((message) => message.json<T & { error?: unknown }>())
        .catch((error: unknown) => ({ error }) as T & { error: unknown })
      if (answer.error === undefined) return answer
      // A server that is not ready answers at once; the round trip keeps this from spinning.
      await nc.flush()
    }
  } finally {
    await nc.close()
  }
}

/** Free when asked, and none that the system gives to somebody else meanwhile. */
export async function freePorts(count: number): Promise<number[]> {
  const found = new Set<number>()
  while (found.size < count) found.add(await anyFreePort())
  return [...found]
}
