/**
 * The bus over NATS JetStream, put together: one connection, one inbox for all answers, one timer.
 * It serves the clauses "an envelope arrives on a subject" and "one atomic commit to the realm's
 * log".
 */
import { setTimeout as delay } from 'node:timers/promises'
import { Fault } from '#protocol/fault.ts'
import type { Bus, LogEntry, Reading } from '#runtime/bus.ts'
import { openAppends } from './appends.ts'
import { type BusOptions, busTimes } from './bus-options.ts'
import { type Calls, openCalls } from './calls.ts'
import { openCore } from './core.ts'
import { type Link, openLink } from './link.ts'
import { openReader } from './reader.ts'
import { openRealmStream, type StreamInfo } from './realm-stream.ts'
import { openReplies } from './replies.ts'
import { refusal } from './server-fault.ts'
import { openBlobs, openRegistry } from './side-stores.ts'
import { outsideOf } from './wire-headers.ts'

/** The first release with ids in atomic batches and checks on another subject. */
const oldestServer = '2.12.1'
/** A purge walks the blocks it empties. */
const purgeMs = 60_000
/** How long a closing bus waits for a server that may be gone. */
const farewellMs = 250

export async function openBus(options: BusOptions): Promise<Bus> {
  const times = { ...busTimes, ...options.times }
  const link = await openLink(options, times)
  try {
    return await openOver(link, options, times)
  } catch (error) {
    await link.close()
    throw error
  }
}

async function openOver(link: Link, options: BusOptions, times: typeof busTimes): Promise<Bus> {
  if (isOlder(link.serverVersion, oldestServer)) {
    throw new Fault('bus.tooOld', { value: link.address, have: link.serverVersion, want: oldestServer })
  }
  const { inboxPrefix } = options
  const replies = openReplies(link, inboxPrefix)
  const calls = openCalls(link, replies, { realm: options.realm, callMs: times.callMs })
  const { realm, stream, replicas } = await openRealmStream(calls, options, link.address)
  const { append, appendAll } = openAppends(link, replies, { stream, realm: realm.name, ackMs: times.ackMs })
  const core = openCore(link, replies, inboxPrefix)
  const side = { realm, replicas: options.replicas, callMs: times.callMs }
  const readings = new Set<Reading>()
  const close = async (): Promise<void> => {
    for (const reading of readings) await reading.stop()
    // Lets out what was said last: consumers that nobody needs any more.
    if (link.isUp()) await Promise.race([link.nc.flush().catch(() => undefined), delay(farewellMs, undefined, { ref: false })])
    replies.close()
    await link.close()
  }

  return {
    realm,
    maxPayload: link.maxPayload,
    replicas,
    durability: options.durability,
    append,
    appendAll,
    async read(asked) {
      const how = { stream, inboxPrefix, heartbeatMs: times.heartbeatMs }
      const reading = await openReader({ link, calls, replies }, how, asked)
      const stop = async (): Promise<void> => {
        readings.delete(reading)
        await reading.stop()
      }
      readings.add(reading)
      return { ...reading, stop }
    },
    last: (subject) => entryOf(calls, stream, { last_by_subj: subject }),
    get: async (seq) => (seq < 1 ? undefined : entryOf(calls, stream, { seq })),
    async purge(filter, upTo) {
      if (upTo < 1) return { removed: 0 }
      // The server's bound is the first sequence that stays.
      const answer = await calls.call<{ purged: number }>(
        `STREAM.PURGE.${stream}`,
        { filter, seq: upTo + 1 },
        { waitMs: purgeMs },
      )
      return { removed: answer?.purged ?? 0 }
    },
    async logState() {
      const info = await calls.call<StreamInfo>(`STREAM.INFO.${stream}`, {}, { absent: [refusal.streamNotFound] })
      if (info === undefined) throw new Fault('realm.missing', { value: realm.name })
      const { first_seq: firstSeq, last_seq: lastSeq, messages: entries, bytes } = info.state
      return { firstSeq, lastSeq, entries, bytes, createdAt: info.created }
    },
    ...core,
    registry: openRegistry(link, calls, side),
    blobs: openBlobs(link, calls, side),
    onState: (on) => link.onState(on),
    close,
    [Symbol.asyncDispose]: close,
  }
}

type Stored = {
  readonly message: {
    readonly subject: string
    readonly seq: number
    readonly data?: string
    readonly hdrs?: string
    readonly time: string
  }
}

/** Asked of the leader: the direct way may answer from a replica that is behind. */
async function entryOf(
  { call }: Calls,
  stream: string,
  which: { readonly seq: number } | { readonly last_by_subj: string },
): Promise<LogEntry | undefined> {
  const found = await call<Stored>(`STREAM.MSG.GET.${stream}`, which, { absent: [refusal.noMessage] })
  if (found === undefined) return undefined
  const { subject, seq, data = '', hdrs, time } = found.message
  const outside = hdrs === undefined ? undefined : outsideOf(Buffer.from(hdrs, 'base64'))
  return {
    seq,
    subject,
    data: Buffer.from(data, 'base64'),
    at: Date.parse(time),
    id: outside?.id,
    traceparent: outside?.traceparent,
  }
}

function isOlder(have: string, want: string): boolean {
  const [a, b] = [have, want].map((version) => version.split(/[.-]/).slice(0, 3).map(Number)) as [number[], number[]]
  const differing = b.findIndex((part, at) => a[at] !== part)
  return differing >= 0 && !((a[differing] ?? 0) > (b[differing] ?? 0))
}
