/**
 * Appending to the log: the clause "one atomic commit". One publish per entry, acknowledged on
 * the shared inbox; a batch is raw headers, because the client's own batch API drops checks and
 * hides errors. Invariant: a promise that is neither kept nor refused by the server ends in
 * `bus.timeout` or `bus.unreachable`, and nothing is sent again from here.
 */
import { type Msg, type PublishOptions, nuid } from '@nats-io/nats-core'
import { Fault } from '#protocol/fault.ts'
import { limits } from '#protocol/limits.ts'
import type { Entry, Placed } from '#runtime/bus.ts'
import type { Link } from './link.ts'
import type { Replies } from './replies.ts'
import { faultOfServer, type ServerError } from './server-fault.ts'
import { batchLines, checkLines, headersOf, sizeOfHeaders, streamLine } from './wire-headers.ts'

export type Appends = {
  readonly append: (entry: Entry) => Promise<Placed>
  readonly appendAll: (entries: readonly Entry[]) => Promise<Placed>
}

export type AppendOptions = { readonly stream: string; readonly realm: string; readonly ackMs: number }

export function openAppends(link: Link, replies: Replies, options: AppendOptions): Appends {
  const { stream, realm, ackMs } = options
  // Of most appends it is all there is to say.
  const ownLine = streamLine(stream)
  const ownHeaders = headersOf(ownLine)
  const asked = (entry: Entry) => ({ address: link.address, subject: entry.subject, realm, want: entry.check?.seq })

  /** Throws what the server would answer with silence or by closing the connection. */
  function prepare(entry: Entry, lines: string): PublishOptions {
    const publishing: PublishOptions =
      lines === '' ? {} : { headers: lines === ownLine ? ownHeaders : headersOf(lines) }
    const size = entry.data.length + (publishing.headers === undefined ? 0 : sizeOfHeaders(publishing.headers))
    if (size > link.maxPayload) {
      throw new Fault('bus.tooBig', { value: entry.subject, size, limit: link.maxPayload })
    }
    return publishing
  }

  /** All publishes happen in this turn, in which the connection cannot change. */
  function send(entries: readonly Entry[], linesOf: (entry: Entry, at: number) => string): Promise<Placed> {
    if (!link.isUp()) return Promise.reject(link.downFault())
    const last = entries.length - 1
    return new Promise((resolve, reject) => {
      // What this throws is the promise's refusal, before anything was sent.
      const prepared = entries.map((entry, at) => prepare(entry, linesOf(entry, at)))
      const reply = replies.expect({
        subjects: entries,
        sentAt: performance.now(),
        waitMs: ackMs,
        ofLeader: 'append',
        onReply(message) {
          const seq = seqOf(message.data)
          if (seq > 0) resolve({ seq })
          else reject(refusalOf(message, asked(checkedOf(entries))))
        },
        onLost: reject,
      })
      try {
        for (let at = 0; at <= last; at++) {
          const entry = entries[at] as Entry
          const publishing = prepared[at] as PublishOptions
          if (at === last) publishing.reply = reply
          link.publish(entry.subject, entry.data, publishing)
        }
      } catch (cause) {
        replies.forget(reply)
        reject(new Fault('subject.unknown', { value: entries[0]?.subject }, { cause }))
      }
    })
  }

  // Also what is sent from outside: in another generation its sender's numbers may mean something else, and
  // what it was told of may be undone.
  const alone = (entry: Entry): string => (entry.check === undefined ? ownLine : checkLines(entry, stream))
  return {
    append: (entry) => send([entry], alone),
    async appendAll(entries) {
      const { length } = entries
      if (length === 0 || length > limits.batchEntries) {
        throw new RangeError(`A batch holds 1 to ${limits.batchEntries} entries, not ${length}.`)
      }
      // A plain publish is atomic by itself, and twenty times cheaper on a one-replica file stream.
      if (length === 1) return send(entries, alone)
      const batch = nuid.next()
      const named = (entry: Entry, at: number): string => (at === 0 ? alone(entry) : checkLines(entry, stream))
      return send(entries, (entry, at) => batchLines(batch, at + 1, at === length - 1) + named(entry, at))
    },
  }
}

/** The server does not say which check failed; callers that send several resolve each by identity. */
function checkedOf(entries: readonly Entry[]): Entry {
  return entries.find((entry) => entry.check !== undefined) ?? (entries[0] as Entry)
}

/** The sequence in `{"stream":"shop", "seq":17}`, found by hand; 0 in a refusal, which begins with `{"error"`. */
export function seqOf(ack: Uint8Array): number {
  if (ack[2] === 101) return 0
  for (let at = 14; at < ack.length; at++) {
    // `"seq":`, and not the name of a stream: only a key is followed by a colon.
    const isKey =
      ack[at] === 58 && ack[at - 1] === 34 && ack[at - 2] === 113 && ack[at - 3] === 101 && ack[at - 4] === 115
    if (!isKey || ack[at - 5] !== 34) continue
    let seq = 0
    for (at++; at < ack.length; at++) {
      const digit = (ack[at] as number) - 48
      if (digit >= 0 && digit <= 9) seq = seq * 10 + digit
      else if (seq > 0) break
    }
    return seq
  }
  return 0
}

function refusalOf(message: Msg, asked: Parameters<typeof faultOfServer>[1]): Fault {
  // No stream listens on the subject now: it is being moved, recovered, or was never there.
  if (message.data.length === 0) return new Fault('bus.unreachable', { value: asked.address })
  const { error } = message.json<{ error?: ServerError }>()
  return faultOfServer(error ?? { code: 500, description: `unknown answer ${message.string()}` }, asked)
}
