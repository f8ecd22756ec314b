/**
 * A large value under a name that nobody has used, as the client library would store it, in two round
 * trips and without copies of it: the library first looks for what it replaces, and cuts values into
 * many more chunks. Invariant: the name is there once all of the value is.
 */
import { nuid } from '@nats-io/nats-core'
import type { Appends } from './appends.ts'

/** Any number is understood by whoever reads; this one leaves room beside headers in what servers take. */
const chunkMost = 512 * 1024
const besideBytes = 4 * 1024

type World = { readonly append: Appends['append']; readonly bucket: string; readonly maxPayload: number }

/** `hash`: of the bytes, SHA-256 in hex. */
type NewBlob = { readonly name: string; readonly bytes: Uint8Array; readonly hash: string }

export async function addBlob({ append, bucket, maxPayload }: World, { name, bytes, hash }: NewBlob): Promise<void> {
  const id = nuid.next()
  const chunkBytes = Math.min(chunkMost, maxPayload - besideBytes)
  const subject = `$O.${bucket}.C.${id}`
  const stored: Promise<unknown>[] = []
  for (let at = 0; at < bytes.length; at += chunkBytes)
    stored.push(append({ subject, data: bytes.subarray(at, at + chunkBytes) }))
  await Promise.all(stored)
  const info = {
    bucket,
    name,
    nuid: id,
    size: bytes.length,
    chunks: stored.length,
    digest: digestOf(hash),
    mtime: new Date().toISOString(),
    deleted: false,
    options: { max_chunk_size: chunkBytes },
  }
  await append({ subject: infoSubject(bucket, name), data: Buffer.from(JSON.stringify(info)) })
}

/** As the client library writes names into subjects. */
export function infoSubject(bucket: string, name: string): string {
  return `$O.${bucket}.M.${Buffer.from(name).toString('base64').replaceAll('+', '-').replaceAll('/', '_')}`
}

/** As it writes digests. */
export function digestOf(hash: string): string {
  const digest = Buffer.from(hash, 'hex').toString('base64url')
  return `SHA-256=${digest}${'='.repeat(-digest.length & 3)}`
}
