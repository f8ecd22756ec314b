/**
 * What the server answers when it refuses, as faults. Foreign errors end here: the rest of the
 * runtime knows only whether nothing was stored (`bus.conflict`, `bus.inProgress`, `bus.busy`,
 * `bus.refused`, `bus.denied`) or nobody knows (`bus.timeout`, `bus.unreachable`).
 */
import { errors } from '@nats-io/nats-core'
import { JetStreamApiError } from '@nats-io/jetstream'
import { Fault, isFault } from '#protocol/fault.ts'

export type ServerError = { readonly code: number; readonly err_code?: number; readonly description?: string }

/** Names the server gives its refusals; only those that mean something to us. */
export const refusal = {
  /** In a cluster: too few servers are there to keep so many copies. */
  noPeers: 10005,
  jetStreamOff: 10076,
  jetStreamOffForAccount: 10039,
  noMessage: 10037,
  sequenceNotFound: 10043,
  deleteFailed: 10057,
  streamNotFound: 10059,
  streamNameInUse: 10058,
  subjectsOverlap: 10065,
  wrongStream: 10060,
  wrongLastSequence: 10071,
  /** In a cluster: another write with a check on this subject has not been decided yet. */
  checkInFlight: 10164,
  tooManyQueued: 10167,
  batchIncomplete: 10176,
  tooManyBatches: 10210,
  tooManyBatchesOnServer: 10211,
} as const

export type Asked = {
  readonly address: string
  readonly subject: string
  readonly realm: string
  /** The sequence that was expected. */
  readonly want?: number | undefined
}

export function faultOfServer(error: ServerError, asked: Asked): Fault {
  const { err_code: code = 0, description: reason = 'no reason given' } = error
  switch (code) {
    case refusal.wrongLastSequence: {
      const have = Number(/wrong last sequence: (\d+)/.exec(reason)?.[1])
      // Without a number the check was not decided: the subject has a write in flight.
      if (Number.isNaN(have)) return new Fault('bus.inProgress', { value: asked.subject })
      return new Fault('bus.conflict', { value: asked.subject, want: asked.want, have })
    }
    case refusal.checkInFlight:
      return new Fault('bus.inProgress', { value: asked.subject })
    case refusal.wrongStream:
      return new Fault('realm.moved', { value: asked.realm })
    case refusal.tooManyQueued:
    case refusal.batchIncomplete:
    case refusal.tooManyBatches:
    case refusal.tooManyBatchesOnServer:
      return new Fault('bus.busy', { reason })
    case refusal.jetStreamOff:
    case refusal.jetStreamOffForAccount:
      return new Fault('bus.noJetStream', { value: asked.address })
    default:
      if (error.code === 429) return new Fault('bus.busy', { reason })
      if (error.code === 503) return new Fault('bus.unreachable', { value: asked.address, reason })
      return new Fault('bus.refused', { reason, code })
  }
}

/** Errors that the client library itself throws, from its registry and object store. */
export function faultOfClient(cause: unknown, asked: Asked, ms: number): Fault {
  if (isFault(cause)) return cause
  if (cause instanceof JetStreamApiError) return faultOfServer(cause.apiError(), asked)
  if (cause instanceof errors.TimeoutError) return new Fault('bus.timeout', { ms }, { cause })
  if (cause instanceof errors.ClosedConnectionError) return new Fault('bus.closed', {}, { cause })
  // A request puts it into an error of its own.
  for (const inner of [cause, cause instanceof Error ? cause.cause : undefined])
    if (inner instanceof errors.PermissionViolationError)
      return new Fault('bus.denied', { value: `${inner.operation} ${inner.subject}` }, { cause })
  if (cause instanceof errors.NoRespondersError || (cause instanceof errors.RequestError && cause.isNoResponders())) {
    return new Fault('bus.unreachable', { value: asked.address }, { cause })
  }
  return new Fault(
    'bus.refused',
    { reason: cause instanceof Error ? cause.message : String(cause), code: 0 },
    { cause },
  )
}
