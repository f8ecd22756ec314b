/**
 * Asking about the log and trimming it. Entries are asked of the stream's leader, because the
 * direct way may answer from a replica that is behind, and what is read here decides who owns a
 * partition. Invariant: the end of the log is what its leader says that a majority follows.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { Fault } from '#protocol/fault.ts'
import type { Realm } from '#protocol/realm.ts'
import type { Bus, LogEntry } from '#runtime/bus.ts'
import type { Calls } from './calls.ts'
import type { StreamInfo } from './realm-stream.ts'
import { refusal } from './server-fault.ts'
import { outsideOf } from './wire-headers.ts'

type LogCalls = Pick<
  Bus,
  'last' | 'get' | 'next' | 'lastMatching' | 'purge' | 'removeEntry' | 'logState' | 'isSuperseded'
>

/** A purge walks the blocks that it empties. */
const purgeMs = 60_000
/** No follower asks for an election before it has missed its leader for so long: compiled into the server. */
const electionMs = 4000

type Times = { readonly callMs: number; readonly reconnectMs: number; readonly heartbeatMs: number }

export function openLogCalls(
  { call }: Calls,
  { stream, realm, isFork = false }: { stream: string; realm: Realm; isFork?: boolean },
  times: Times,
): LogCalls {
  async function find(
    which: { readonly seq: number; readonly next_by_subj?: string } | { readonly last_by_subj: string },
  ): Promise<LogEntry | undefined> {
    const found = await call<Stored>(`STREAM.MSG.GET.${stream}`, which, { absent: [refusal.noMessage] })
    return found === undefined ? undefined : entryOf(found)
  }
  const infoNow = (): Promise<StreamInfo | undefined> =>
    call<StreamInfo>(`STREAM.INFO.${stream}`, {}, { absent: [refusal.streamNotFound] })

  /** A server that knows no leader answers with its own part of the log, and one that was cut off with its old one. */
  async function infoOfLeader(): Promise<StreamInfo> {
    const until = performance.now() + times.callMs
    for (;;) {
      const info = await infoNow()
      if (info === undefined) throw new Fault('realm.missing', { value: realm.name })
      if (isFollowed(info)) return info
      if (performance.now() > until) throw new Fault('bus.leaderless', { value: realm.name })
      await delay(times.reconnectMs)
    }
  }
  const get = async (seq: number): Promise<LogEntry | undefined> => (seq < 1 ? undefined : find({ seq }))

  return {
    last: (subject) => find({ last_by_subj: subject }),
    get,
    next: (subject, from) => find({ seq: Math.max(1, from), next_by_subj: subject }),
    lastMatching: async (filter) => (await find({ last_by_subj: filter }))?.seq,
    async purge(filter, upTo) {
      if (upTo < 1) return { removed: 0 }
      // The server's bound is the first sequence that stays.
      const body = { filter, seq: upTo + 1 }
      const answer = await call<{ purged: number }>(`STREAM.PURGE.${stream}`, body, { waitMs: purgeMs })
      return { removed: answer?.purged ?? 0 }
    },
    async removeEntry(seq) {
      const absent = [refusal.sequenceNotFound, refusal.deleteFailed]
      // Erasing (overwriting with noise) would cost a disk write for nothing.
      const done = await call(`STREAM.MSG.DELETE.${stream}`, { seq, no_erase: true }, { absent })
      if (done !== undefined) return true
      // One of the two codes also stands for every other failure.
      if ((await get(seq)) === undefined) return false
      throw new Fault('bus.refused', { reason: `entry ${seq} could not be removed`, code: refusal.deleteFailed })
    },
    async logState() {
      const info = await infoOfLeader()
      const { first_seq: firstSeq, last_seq: lastSeq, messages: entries, bytes } = info.state
      return { firstSeq, lastSeq, entries, bytes, createdAt: info.created }
    },
    async isSuperseded() {
      const info = await infoNow()
      if (info !== undefined) return info.config.subjects?.includes(`${realm.name}.commit.*`) === false
      // Forks are removed while others run. That the log of another realm is gone is a damage, and told by others.
      if (!isFork) return false
      // A server of a cluster that has just come back may not know of it yet.
      await delay(times.heartbeatMs)
      return (await infoNow()) === undefined
    },
  }
}

/** It comes from the leader, and a majority (itself among them) was heard since another could have been chosen. */
function isFollowed({ cluster }: StreamInfo): boolean {
  if (cluster === undefined) return true
  const { leader = '', replicas } = cluster
  const others = replicas ?? []
  // Of a server that was never heard the time is 0.
  const heard = others.filter(({ offline, active }) => offline !== true && active > 0 && active < electionMs * 1e6)
  return leader !== '' && (heard.length + 1) * 2 > others.length + 1
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

function entryOf({ message }: Stored): LogEntry {
  const { subject, seq, data = '', hdrs, time } = message
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
