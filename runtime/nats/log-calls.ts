/**
 * Asking about the log and trimming it. Entries are asked of the stream's leader, because the
 * direct way may answer from a replica that is behind, and what is read here decides who owns a
 * partition.
 */
import { Fault } from '#protocol/fault.ts'
import type { Realm } from '#protocol/realm.ts'
import type { Bus, LogEntry } from '#runtime/bus.ts'
import type { Calls } from './calls.ts'
import type { StreamInfo } from './realm-stream.ts'
import { refusal } from './server-fault.ts'
import { outsideOf } from './wire-headers.ts'

type LogCalls = Pick<Bus, 'last' | 'get' | 'next' | 'lastMatching' | 'purge' | 'removeEntry' | 'logState'>

/** A purge walks the blocks that it empties. */
const purgeMs = 60_000

export function openLogCalls({ call }: Calls, stream: string, realm: Realm): LogCalls {
  async function find(
    which: { readonly seq: number; readonly next_by_subj?: string } | { readonly last_by_subj: string },
  ): Promise<LogEntry | undefined> {
    const found = await call<Stored>(`STREAM.MSG.GET.${stream}`, which, { absent: [refusal.noMessage] })
    return found === undefined ? undefined : entryOf(found)
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
      const info = await call<StreamInfo>(`STREAM.INFO.${stream}`, {}, { absent: [refusal.streamNotFound] })
      if (info === undefined) throw new Fault('realm.missing', { value: realm.name })
      const { first_seq: firstSeq, last_seq: lastSeq, messages: entries, bytes } = info.state
      return { firstSeq, lastSeq, entries, bytes, createdAt: info.created }
    },
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
