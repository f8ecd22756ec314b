/**
 * A process of its own that launches a server and then only waits, for tests that kill it. It
 * says in one line what it launched, or which fault it met.
 */
import { storedFaultOf } from '#protocol/fault.ts'
import { launchServer } from '#runtime/server/launch-server.ts'
import { launchOptionsOf } from './launch-options.ts'

const [, , binary = '', dir = ''] = process.argv

try {
  const server = await launchServer(await launchOptionsOf(binary, dir))
  process.stdout.write(`${JSON.stringify({ pid: server.pid, url: server.url })}\n`)
  process.once('SIGTERM', () => void server.stop())
} catch (error) {
  process.stdout.write(`${JSON.stringify({ fault: storedFaultOf(error) })}\n`)
}
