/**
 * Before the first test that needs one: a nats-server is found or fetched once, by the product's
 * own code, and handed to all test processes by its path. So a fresh machine needs no
 * preparation, and a machine without any way to get a server says so in one sentence.
 */
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fetchServer } from '#runtime/server/fetch-server.ts'
import { findServer } from '#runtime/server/find-server.ts'

const minimum = '2.12.1'

export async function setup(): Promise<void> {
  const say = (line: string): void => void process.stderr.write(`${line}\n`)
  const options = {
    configured: process.env['PERDURE_NATS_SERVER'] || undefined,
    searchPath: process.env['PATH'] ?? '',
    cacheDir: join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'perdure'),
    minimum,
  }
  const found = await findServer({ ...options, onNote: say })
  // Half of a start is parsing: what was parsed once is kept for all processes of the tests, as the command line keeps it.
  process.env['NODE_COMPILE_CACHE'] ??= join(options.cacheDir, 'compiled')
  process.env['PERDURE_NATS_SERVER'] = found?.binary ?? (await fetchServer({ ...options, onProgress: say }))
}
