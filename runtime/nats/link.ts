/**
 * The connection to the server, as the rest of the bus sees it. It keeps the invariant that
 * nothing is held back over a lost connection and sent later by itself: the client library
 * buffers what is published while it dials and writes it after the reconnect, so everything
 * here asks first whether the connection stands, in the same synchronous turn.
 */
import { credsAuthenticator, nkeyAuthenticator, type NatsConnection, type PublishOptions } from '@nats-io/nats-core'
import { errors } from '@nats-io/nats-core'
import type { NatsConnectionImpl } from '@nats-io/nats-core/internal'
import { connect, type NodeConnectionOptions } from '@nats-io/transport-node'
import { Fault } from '#protocol/fault.ts'
import type { BusState } from '#runtime/bus.ts'
import type { BusAuth, BusOptions, BusTimes } from './bus-options.ts'

export type Link = {
  readonly nc: NatsConnection
  readonly address: string
  readonly serverVersion: string
  readonly maxPayload: number
  isUp(): boolean
  /** Why nothing can be sent now. */
  downFault(): Fault
  /** Only after `isUp()`, in the same turn. */
  publish(subject: string, data: Uint8Array, options?: PublishOptions): void
  /** Called with the present state at once. */
  onState(on: (state: BusState) => void): { stop(): void }
  /** The server refused a publish or a subscription for lack of rights. */
  onDenied(on: (operation: 'publish' | 'subscription', subject: string) => void): void
  close(): Promise<void>
}

export async function openLink(options: BusOptions, times: BusTimes): Promise<Link> {
  const asked = options.servers.join(', ')
  const nc = await dial(options, times).catch((cause: unknown) => {
    throw connectFaultOf(cause, asked)
  })
  // The public status is told through an async iterator, a few turns late; whether bytes written
  // now reach a socket is known only here.
  const { protocol } = nc as NatsConnectionImpl
  const address = nc.getServer() || asked
  const { version = '0', max_payload: maxPayload = 1_048_576 } = nc.info ?? {}

  let state: BusState = 'connected'
  const listeners = new Set<(state: BusState) => void>()
  const deniedListeners: ((operation: 'publish' | 'subscription', subject: string) => void)[] = []
  const become = (next: BusState): void => {
    if (state === next || state === 'closed') return
    state = next
    for (const on of listeners) on(next)
  }
  void followStatus()
  async function followStatus(): Promise<void> {
    for await (const status of nc.status()) {
      if (status.type === 'disconnect') become('disconnected')
      else if (status.type === 'reconnect') become('connected')
      else if (status.type === 'error' && status.error instanceof errors.PermissionViolationError) {
        const { operation, subject } = status.error
        for (const on of deniedListeners) on(operation, subject)
      }
    }
    become('closed')
  }

  return {
    nc,
    address,
    serverVersion: version,
    maxPayload,
    isUp: () => protocol.connected && state === 'connected',
    downFault: () => (state === 'closed' ? new Fault('bus.closed') : new Fault('bus.unreachable', { value: address })),
    publish: (subject, data, publishOptions) => nc.publish(subject, data, publishOptions),
    onState(on) {
      listeners.add(on)
      on(state)
      return { stop: () => void listeners.delete(on) }
    },
    onDenied: (on) => void deniedListeners.push(on),
    async close() {
      become('closed')
      await nc.close()
    },
  }
}

async function dial(options: BusOptions, times: BusTimes): Promise<NatsConnection> {
  const { tls, name, inboxPrefix } = options
  const wanted: NodeConnectionOptions = {
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
    ...(tls === undefined ? {} : { tls: defined(tls) }),
  }
  return connect(wanted)
}

function authOf(auth: BusAuth | undefined): Partial<NodeConnectionOptions> {
  if (auth === undefined) return {}
  if ('creds' in auth) return { authenticator: credsAuthenticator(new TextEncoder().encode(auth.creds)) }
  if ('nkey' in auth) return { authenticator: nkeyAuthenticator(new TextEncoder().encode(auth.nkey)) }
  return auth
}

function defined<T extends object>(options: T): { [K in keyof T]: NonNullable<T[K]> } {
  // The library's options must be absent, not undefined.
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: NonNullable<T[K]>
  }
}

function connectFaultOf(cause: unknown, value: string): Fault {
  if (cause instanceof errors.AuthorizationError || cause instanceof errors.UserAuthenticationExpiredError) {
    return new Fault('bus.denied', { value: `connect to ${value}` }, { cause })
  }
  return new Fault('bus.unreachable', { value }, { cause })
}
