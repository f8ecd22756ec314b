/** The nats-server of `up`: found, fetched when there is none, and started in the node's directory. */
import type { Config } from '#config/open-config.ts'
import { serverOptionsOf, serverSearchOf } from '#config/options.ts'
import type { Fault } from '#protocol/fault.ts'
import { ensureCredentials } from '#runtime/server/credentials.ts'
import { findServer } from '#runtime/server/find-server.ts'
import { launchServer, type RunningServer } from '#runtime/server/launch-server.ts'
import { askServerVersion, formatServerVersion } from '#runtime/server/server-version.ts'
import type { Log } from './log.ts'

export type StartedServer = { readonly server: RunningServer; readonly binary: string; readonly version: string }

export type FoundBinary = { readonly binary: string; readonly version: string }

export async function findBinary(config: Config, log: Log, signal: AbortSignal): Promise<FoundBinary> {
  const search = serverSearchOf(config)
  const found = await findServer({ ...search, onNote: (line) => log.say('server.search', 'info', line) })
  if (found !== undefined) return { binary: found.binary, version: found.version }
  log.say(
    'server.fetch',
    'info',
    `no nats-server ${search.minimum} or newer is here; fetching one into ${search.cacheDir}, once`,
  )
  // Only the first start of a machine needs what fetches.
  const { fetchServer } = await import('#runtime/server/fetch-server.ts')
  const onProgress = (line: string): void => log.say('server.fetch', 'info', line)
  const binary = await fetchServer({ ...search, onProgress, signal })
  return { binary, version: await versionOf(binary) }
}

export async function openServer(config: Config, log: Log, signal: AbortSignal): Promise<StartedServer> {
  const { binary, version } = await findBinary(config, log, signal)
  const server = await launchServer({
    ...serverOptionsOf(config),
    binary,
    credentials: await ensureCredentials(config.node.dir),
    onLine: (line) =>
      log.say('server.line', levelOfLine(line), `nats-server: ${line.replace(/^\[\d+\] \S+ \S+ /, '')}`),
    onProgress: (line) => log.say('server.progress', 'info', line),
    onFault: (fault) => log.say('server.died', 'warn', endOf(fault)),
    signal,
  })
  return { server, binary, version }
}

/** What it said last says nothing of a signal. */
function endOf(fault: Fault): string {
  const { reason, lines } = fault.details
  if (fault.code !== 'server.died') return `the nats-server did not start: ${fault.message} (${fault.code})`
  const said = String(reason).startsWith('SIG') ? '' : ` Its last lines: ${lines}`
  return `the nats-server ended (${reason}); what was stored is safe on disk.${said}`
}

async function versionOf(binary: string): Promise<string> {
  const asked = await askServerVersion(binary)
  return asked.is === 'version' ? formatServerVersion(asked.version) : 'unknown'
}

/** The server marks its own lines. The passwords that it warns of stand in a file of mode 600. */
export function levelOfLine(line: string): 'error' | 'warn' | 'debug' {
  // Of servers that stand together: how long it took them to write down who leads what, a few ms.
  if (line.includes('Plaintext passwords') || line.includes('Metalayer blocking snapshot')) return 'debug'
  if (/\[(ERR|FTL)\]/.test(line)) return 'error'
  return line.includes('[WRN]') ? 'warn' : 'debug'
}
