/**
 * Headers as bytes. The client's header object canonicalizes and searches on every set; the hot
 * path writes a handful of fixed lines and reads three, so both are done by hand here.
 */
import type { Msg, MsgHdrs } from '@nats-io/nats-core'
import type { Entry } from '#runtime/bus.ts'

const utf8 = new TextEncoder()

/** The client calls nothing of a header object but `encode` when it publishes. */
export function headersOf(lines: string): MsgHdrs {
  const bytes = utf8.encode(`NATS/1.0\r\n${lines}\r\n`)
  return { encode: () => bytes } as unknown as MsgHdrs
}

export function sizeOfHeaders(headers: MsgHdrs): number {
  return (headers as unknown as { encode(): Uint8Array }).encode().length
}

export function streamLine(stream: string): string {
  return `Nats-Expected-Stream: ${stream}\r\n`
}

/** A checked write names its stream, so that one meant for an older generation is refused. */
export function checkLines(entry: Entry, stream: string): string {
  const { check } = entry
  if (check === undefined) return ''
  const lines = `${streamLine(stream)}Nats-Expected-Last-Subject-Sequence: ${check.seq}\r\n`
  return check.subject === undefined || check.subject === entry.subject
    ? lines
    : `${lines}Nats-Expected-Last-Subject-Sequence-Subject: ${check.subject}\r\n`
}

export function batchLines(batch: string, sequence: number, isLast: boolean): string {
  const commit = isLast ? 'Nats-Batch-Commit: 1\r\n' : ''
  return `Nats-Batch-Id: ${batch}\r\nNats-Batch-Sequence: ${sequence}\r\n${commit}`
}

/** What a bare publisher may say about its event. */
export type Outside = { id?: string; traceparent?: string }

const nothing: Outside = {}
const colon = 58
const newline = 10

/** Names are compared without case: publishers write them in every style. */
export function outsideOf(headers: Uint8Array): Outside {
  let found = nothing
  let at = headers.indexOf(newline) + 1
  while (at > 0 && at < headers.length) {
    const end = headers.indexOf(newline, at)
    if (end < 0) break
    const split = headers.indexOf(colon, at)
    if (split > 0 && split < end) {
      const name = nameAt(headers, at, split)
      if (name !== undefined) {
        if (found === nothing) found = {}
        const value = textOf(headers.subarray(split + 1, end)).trim()
        if (name === 'traceparent') found.traceparent = value
        // Our own name wins over the server's, whichever comes first.
        else if (name === 'perdure-id' || found.id === undefined) found.id = value
      }
    }
    at = end + 1
  }
  return found
}

const wanted = new Map<number, readonly string[]>([
  [10, ['perdure-id']],
  [11, ['nats-msg-id', 'traceparent']],
])

function nameAt(headers: Uint8Array, from: number, to: number): string | undefined {
  // Nearly every header is one of our own checks; their lengths rule them out unread.
  const names = wanted.get(to - from)
  if (names === undefined) return undefined
  const name = textOf(headers.subarray(from, to)).toLowerCase()
  return names.includes(name) ? name : undefined
}

const decoder = new TextDecoder()

function textOf(bytes: Uint8Array): string {
  return decoder.decode(bytes)
}

/**
 * The undecoded header bytes of a received message. The public getter builds a header object of
 * every header of every message; the version of the client is pinned.
 */
export function headerBytesOf(message: Msg): Uint8Array | undefined {
  const { _msg, _rdata } = message as unknown as { _msg: { hdr: number }; _rdata: Uint8Array }
  return _msg.hdr > 0 ? _rdata.subarray(0, _msg.hdr) : undefined
}

/** The status of a message that carries no entry: `NATS/1.0 408 Request Timeout`. 0 for any other. */
export function statusOf(headers: Uint8Array): number {
  // "NATS/1.0 " is nine bytes; an ordinary header block has a line end there.
  if (headers[8] !== 32) return 0
  return Number(textOf(headers.subarray(9, 12))) || 0
}
