/**
 * A process of its own that launches a server and then only waits, for tests that kill it. It
 * says in one line what it launched, or which fault it met.
 */
import { storedFaultOf } from '#protocol/fault.ts'
import { ensureCredentials } from '#runtime/server/credentials.ts'
import { launchServer } from '#runtime/server/launch-server.ts'

const [, , binary = '', dir = ''] = process.argv

try {
  const server = await launchServer({
    binary,
    dir,
    port: 0,
    httpPort: 0,
    durability: 'process',
    maxPayload: 1_048_576,
    credentials: await ensureCredentials(dir),
    realms: ['main'],
    readable: ['ev.>'],
    graceMs: 5_000,
    onLine: () => {},
  })
  process.stdout.write(`${JSON.stringify({ pid: server.pid, url: server.url })}\n`)
  process.once('SIGTERM', () => void server.stop())
} catch (error) {
  process.stdout.write(`${JSON.stringify({ fault: storedFaultOf(error) })}\n`)
}
