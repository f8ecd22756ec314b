/** A process of its own that launches a cluster and then only waits, for tests that kill it. */
import { launchCluster } from '#runtime/server/launch-cluster.ts'
import { launchOptionsOf } from './launch-options.ts'

const [, , binary = '', dir = ''] = process.argv

const cluster = await launchCluster({ ...(await launchOptionsOf(binary, dir)), count: 3 })
const { servers, urls } = cluster
process.stdout.write(`${JSON.stringify({ pids: servers.map((server) => server.pid()), urls })}\n`)
