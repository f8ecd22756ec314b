/**
 * Connecting, with what proves who we are and who the server is. Invariant: what stands between
 * us and the server is told by its own fault, at the start and whenever it comes up later; later
 * it is tried again without end, because rights and certificates may be mended while we wait.
 */
import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { checkServerIdentity, type PeerCertificate } from 'node:tls'
import { credsAuthenticator, errors, nkeyAuthenticator, type NatsConnection } from '@nats-io/nats-core'
import { connect, type NodeConnectionOptions } from '@nats-io/transport-node'
import { Fault, storedFaultOf } from '#protocol/fault.ts'
import { trace } from '#runtime/trace.ts'
import { accessFaultOf, requireUsable } from './access-fault.ts'
import { hearAlert } from './hear-alert.ts'
import type { BusAuth, BusOptions, BusTimes, BusTls } from './bus-options.ts'

export type Dialled = {
  readonly nc: NatsConnection
  /** What keeps a lost connection from coming back, when the server answers and does not let us in. */
  barred(): Fault | undefined
  /** Dials another server: this one says nothing. */
  leave(): void
}

/** So long one that was left is dialled only when there is no other: it would be waited for until `connectMs` is over. */
const leftMs = 10_000

export async function dial(options: BusOptions, times: BusTimes): Promise<Dialled> {
  const value = options.servers.join(', ')
  if (options.auth !== undefined) requireUsable(options.auth)
  const left = new Map<string, number>()
  const wanted: NodeConnectionOptions = {
    ...connectOptionsOf(options, times),
    // The library begins with the one that it had.
    reconnectToServer: (servers) =>
      servers.find(({ listen }) => performance.now() - (left.get(listen) ?? -leftMs) >= leftMs) ?? null,
  }
  const faultOf = (cause: unknown): Fault | undefined => accessFaultOf(cause, { ...options, value }, Date.now())
  const refuse = (cause: unknown): never => {
    throw faultOf(cause) ?? new Fault('bus.unreachable', { value }, { cause })
  }
  const once = (): Promise<NatsConnection> => tryOnce(wanted, options, times)
  // A certificate of ours is refused after the handshake, which a connection that would come back
  // by itself takes for silence.
  if (options.tls !== undefined) await (await once().catch(refuse)).close()
  const nc = await connect(wanted).catch(refuse)
  return {
    nc,
    barred: watchReturn(nc, { once, faultOf }),
    leave() {
      left.set(nc.getServer(), performance.now())
      // It refuses only once this connection is closed, and then nobody waits for it.
      nc.reconnect().catch(() => undefined)
    },
  }
}

/** A connection that does not come back, and so tells why it ended. */
async function tryOnce(
  wanted: NodeConnectionOptions,
  { servers, tls }: BusOptions,
  times: BusTimes,
): Promise<NatsConnection> {
  try {
    return await connect({ ...wanted, reconnect: false })
  } catch (error) {
    if (tls === undefined || !isCutShort(error)) throw error
    const files = { ca: read(tls.caFile), cert: read(tls.certFile), key: read(tls.keyFile) }
    throw (await hearAlert({ servers, tls: { ...tlsOf(tls, servers), ...files }, waitMs: times.connectMs })) ?? error
  }
}

function isCutShort(error: unknown): boolean {
  const { code = '' } = error as NodeJS.ErrnoException
  return code === 'ECONNRESET' || code === 'EPIPE' || error instanceof errors.ClosedConnectionError
}

/** The client library has read it before. */
function read(file: string | undefined): Buffer | undefined {
  return file === undefined ? undefined : readFileSync(file)
}

/** Not at once: a server that restarts refuses everybody for a moment. */
const firstMs = 500
const everyMs = 3_000

type Return = {
  readonly once: () => Promise<NatsConnection>
  readonly faultOf: (cause: unknown) => Fault | undefined
}

/**
 * The client library dials again and again and keeps to itself why it does not succeed. So from
 * time to time one more connection is tried, whose failure can be read.
 */
function watchReturn(nc: NatsConnection, { once, faultOf }: Return): () => Fault | undefined {
  let barred: Fault | undefined
  let timer: NodeJS.Timeout | undefined
  const wait = (ms: number): void => {
    timer = setTimeout(() => void ask(), ms).unref()
  }
  function stop(): void {
    clearTimeout(timer)
    timer = undefined
    barred = undefined
  }
  async function ask(): Promise<void> {
    const mine = timer
    const found = await once().then(
      async (other) => {
        await other.close()
        return undefined
      },
      (cause: unknown) => faultOf(cause),
    )
    // It came back meanwhile, or was closed.
    if (timer !== mine) return
    if (found !== undefined && found.code !== barred?.code) trace({ is: 'bus.barred', fault: storedFaultOf(found) })
    barred = found
    wait(everyMs)
  }
  void follow()
  async function follow(): Promise<void> {
    for await (const { type } of nc.status()) {
      if (type === 'reconnect') stop()
      else if (type === 'disconnect' && timer === undefined) wait(firstMs)
    }
    stop()
  }
  return () => barred
}

function connectOptionsOf(options: BusOptions, times: BusTimes): NodeConnectionOptions {
  const { tls, name, inboxPrefix } = options
  return {
    servers: [...options.servers],
    timeout: times.connectMs,
    maxReconnectAttempts: -1,
    reconnectDelayHandler: () => times.reconnectMs * (0.5 + Math.random()),
    pingInterval: times.pingMs,
    // Rights may be mended while we wait; giving up is the caller's to decide.
    ignoreAuthErrorAbort: true,
    // A stack per request costs more than the request.
    noAsyncTraces: true,
    ...(name === undefined ? {} : { name }),
    ...(inboxPrefix === undefined ? {} : { inboxPrefix }),
    ...authOf(options.auth),
    ...(tls === undefined ? {} : { tls: tlsOf(tls, options.servers) }),
  }
}

function authOf(auth: BusAuth | undefined): Partial<NodeConnectionOptions> {
  if (auth === undefined) return {}
  if ('creds' in auth) return { authenticator: credsAuthenticator(new TextEncoder().encode(auth.creds)) }
  if ('nkey' in auth) return { authenticator: nkeyAuthenticator(new TextEncoder().encode(auth.nkey)) }
  return auth
}

type TlsOptions = NonNullable<NodeConnectionOptions['tls']>

function tlsOf(tls: BusTls, servers: readonly string[]): TlsOptions {
  // The library's options must be absent, not undefined.
  const files = Object.fromEntries(Object.entries(tls).filter(([, value]) => value !== undefined))
  const hosts = servers.map((server) => server.replace(/^[a-z]+:\/\//, '').replace(/:\d+$/, '')).map(unbracketed)
  const addresses = hosts.filter((host) => isIP(host) !== 0)
  const isLocalNamed = hosts.includes('localhost')
  return {
    ...files,
    // Of a server that is named by its address the library says nothing to TLS, which then takes
    // "localhost" for its name.
    checkServerIdentity(host: string, certificate: PeerCertificate) {
      const names =
        host === 'localhost' && addresses.length > 0 ? [...(isLocalNamed ? [host] : []), ...addresses] : [host]
      const problems = names.map((each) => checkServerIdentity(each, certificate))
      return problems.includes(undefined) ? undefined : problems[0]
    },
    // Handed through to Node's own TLS as it is, though the type lists only some of its options.
  } as TlsOptions
}

function unbracketed(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1')
}
