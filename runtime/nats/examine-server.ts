/**
 * What a server says of itself, for `perdure doctor`: asked once over a connection of its own, so
 * that it can also be told of a server on which no realm can be opened. It decides nothing.
 */
import type { BusOptions } from './bus-options.ts'
import { busTimes } from './bus-options.ts'
import { openCalls } from './calls.ts'
import { knownGenerations } from './known-generations.ts'
import { openLink } from './link.ts'
import type { StreamInfo } from './realm-stream.ts'
import { openReplies } from './replies.ts'
import { refusal } from './server-fault.ts'

export type ServerFacts = {
  readonly address: string
  readonly version: string
  readonly name: string
  /** Of the servers that it belongs to; absent when it is alone. */
  readonly cluster: string | undefined
  readonly maxPayload: number
  readonly rttMs: number
  /** Of JetStream in this account; absent when it is not there. */
  readonly storage: { readonly bytes: number; /** None when 0 or less. */ readonly limit: number } | undefined
  readonly realm:
    | {
        readonly stream: string
        readonly replicas: number
        readonly hasBatches: boolean
        /** How far the server's clock is ahead of ours; exact to half a round trip. */
        readonly aheadMs: number | undefined
      }
    | undefined
}

type AccountInfo = { readonly storage?: number; readonly limits?: { readonly max_storage?: number } }

export async function examineServer(options: BusOptions): Promise<ServerFacts> {
  const times = { ...busTimes, ...options.times }
  const link = await openLink(options, times)
  try {
    const replies = openReplies(link, options.inboxPrefix)
    const { call } = openCalls(link, replies, { realm: options.realm, callMs: times.callMs })
    const rttMs = await link.nc.rtt()
    const account = await call<AccountInfo>('INFO', {}).catch(() => undefined)
    // Of a realm that was restored, or is a fork, the log has the name of its generation; who may not ask looks at the first.
    const known = account === undefined ? [] : await knownGenerations(call, options.realm).catch(() => [])
    const stream = known.at(-1)?.stream ?? options.realm
    const askedAt = Date.now()
    const found =
      account === undefined
        ? undefined
        : await call<StreamInfo & { readonly ts?: string }>(
            `STREAM.INFO.${stream}`,
            {},
            { absent: [refusal.streamNotFound] },
          )
    const heardAt = Date.now()
    replies.close()
    return {
      address: link.address,
      version: link.serverVersion,
      name: link.nc.info?.server_name ?? '',
      cluster: link.cluster,
      maxPayload: link.maxPayload,
      rttMs,
      storage:
        account === undefined ? undefined : { bytes: account.storage ?? 0, limit: account.limits?.max_storage ?? 0 },
      realm:
        found === undefined
          ? undefined
          : {
              stream: found.config.name,
              replicas: found.config.num_replicas,
              hasBatches: found.config.allow_atomic === true,
              aheadMs: found.ts === undefined ? undefined : Math.round(Date.parse(found.ts) - (askedAt + heardAt) / 2),
            },
    }
  } finally {
    await link.close()
  }
}
