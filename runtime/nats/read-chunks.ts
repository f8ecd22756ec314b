/**
 * The chunks of a large value in one request, from whichever replica answers: what the client library
 * makes for each value, a consumer, costs ten times as much, and a cut consists of a thousand values.
 * Invariant: what is given out has the digest that was stored with it; a replica that is behind, or a
 * server that does not answer, gives nothing.
 */
import { hash } from 'node:crypto'
import type { Msg } from '@nats-io/nats-core'
import { digestOf } from './add-blob.ts'
import type { Link } from './link.ts'
import type { Replies } from './replies.ts'

/** As the client library stores it, as far as it is read here. */
export type StoredInfo = {
  readonly name: string
  readonly nuid: string
  readonly chunks: number
  readonly digest: string
  readonly deleted?: boolean
}

/** More of them come with flow control, through a consumer. */
const chunksMost = 64

export async function readChunks(
  { link, replies, bucket, waitMs }: { link: Link; replies: Replies; bucket: string; waitMs: number },
  { nuid, chunks, digest }: StoredInfo,
): Promise<Uint8Array | undefined> {
  if (chunks === 0 || chunks > chunksMost || !link.isUp()) return undefined
  const subject = `$JS.API.DIRECT.GET.OBJ_${bucket}`
  const found: Uint8Array[] = []
  await new Promise<void>((resolve) => {
    const reply = replies.expect({
      subjects: subject,
      sentAt: performance.now(),
      waitMs,
      hasMore: isChunk,
      onReply: (message) => (isChunk(message) ? void found.push(message.data) : resolve()),
      onLost: () => resolve(),
    })
    const asked = { seq: 1, next_by_subj: `$O.${bucket}.C.${nuid}`, batch: chunks }
    link.publish(subject, Buffer.from(JSON.stringify(asked)), { reply })
  })
  const bytes = found.length === 1 ? (found[0] as Uint8Array) : Buffer.concat(found)
  return found.length === chunks && digest === digestOf(hash('sha256', bytes)) ? bytes : undefined
}

/** Behind the last of them comes a status: that there is no more, or why there is nothing. */
function isChunk({ headers, data }: Msg): boolean {
  return data.length > 0 && (headers?.code ?? 0) === 0
}
