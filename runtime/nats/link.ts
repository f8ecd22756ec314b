/**
 * The connection to the server, as the rest of the bus sees it. It keeps the invariant that
 * nothing is held back over a lost connection and sent later by itself: the client library
 * buffers what is published while it dials and writes it after the reconnect, so everything
 * here asks first whether the connection stands, in the same synchronous turn.
 */
import { errors, type NatsConnection, type PublishOptions } from '@nats-io/nats-core'
import type { NatsConnectionImpl } from '@nats-io/nats-core/internal'
import { Fault } from '#protocol/fault.ts'
import type { BusState } from '#runtime/bus.ts'
import type { BusOptions, BusTimes } from './bus-options.ts'
import { dial } from './dial.ts'

export type Link = {
  readonly nc: NatsConnection
  readonly address: string
  readonly serverVersion: string
  readonly maxPayload: number
  /** Of servers to which this one belongs; nothing when it stands alone. */
  readonly cluster: string | undefined
  isUp(): boolean
  /** Why nothing can be sent now. */
  downFault(): Fault
  /** Only after `isUp()`, in the same turn. */
  publish(subject: string, data: Uint8Array, options?: PublishOptions): void
  /** Dials another server of the cluster. */
  leave(): void
  /** Called with the present state at once. */
  onState(on: (state: BusState) => void): { stop(): void }
  /** The server refused a publish or a subscription for lack of rights. */
  onDenied(on: (operation: 'publish' | 'subscription', subject: string) => void): void
  close(): Promise<void>
}

export async function openLink(options: BusOptions, times: BusTimes): Promise<Link> {
  const { nc, barred, leave } = await dial(options, times)
  // The public status is told through an async iterator, a few turns late; whether bytes written
  // now reach a socket is known only here.
  const { protocol } = nc as NatsConnectionImpl
  const address = nc.getServer() || options.servers.join(', ')
  const { version = '0', max_payload: maxPayload = 1_048_576, cluster } = nc.info ?? {}

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
      if (status.type === 'disconnect') {
        endBrokenDial(protocol)
        become('disconnected')
      } else if (status.type === 'reconnect') become('connected')
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
    cluster,
    leave,
    isUp: () => protocol.connected && state === 'connected',
    downFault: () =>
      state === 'closed'
        ? new Fault('bus.closed')
        : new Fault('bus.unreachable', { value: address }, { cause: barred() }),
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

/**
 * A connection that breaks after the server's greeting and before its first answer is waited for
 * by the client library until `connectMs` is over, though its socket is gone. The end of that
 * answer begins the next attempt.
 */
function endBrokenDial({ connected, transport, connectError }: NatsConnectionImpl['protocol']): void {
  if (!connected && transport.isClosed) connectError?.(new errors.ConnectionError('the connection broke at its start'))
}
