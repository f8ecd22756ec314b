/** A process of its own that launches a cluster and then only waits, for tests that kill it. */
import { ensureCredentials } from '#runtime/server/credentials.ts'
import { launchCluster } from '#runtime/server/launch-cluster.ts'

const [, , binary = '', dir = ''] = process.argv

const cluster = await launchCluster({
  binary,
  dir,
  count: 3,
  port: 0,
  httpPort: 0,
  durability: 'process',
  maxPayload: 1_048_576,
  credentials: await ensureCredentials(dir),
  realms: ['main'],
  readable: ['ev.>'],
  graceMs: 5_000,
  onLine: () => {},
  onProgress: () => {},
  onFault: () => {},
})
const { servers, urls } = cluster
process.stdout.write(`${JSON.stringify({ pids: servers.map((server) => server.pid()), urls })}\n`)
