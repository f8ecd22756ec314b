/** Large named values: an object store, which cuts them into chunks and checks their digest. */
import { jetstream } from '@nats-io/jetstream'
import { Objm, type ObjectStore, setSha256Backend } from '@nats-io/obj'
import { setTimeout as delay } from 'node:timers/promises'
import type { Blobs } from '#runtime/bus.ts'
import {
  type BesideOptions,
  guarded,
  lastOf,
  lazily,
  type Made,
  purgeSubject,
  streamExists,
  subjectsOf,
} from './beside.ts'
import { addBlob, infoSubject } from './add-blob.ts'
import { openAppends } from './appends.ts'
import type { Calls } from './calls.ts'
import type { Link } from './link.ts'
import { readChunks, type StoredInfo } from './read-chunks.ts'
import type { Replies } from './replies.ts'

// Left to itself the client library hashes in JavaScript, which is most of the cost of a large value.
setSha256Backend('native')

/** A base of a partition may be hundreds of megabytes on a slow disk. */
const blobMs = 120_000
/** A replica that is a little behind gives too few chunks, and their digest tells. */
const attempts = 5
/** Of very many names; the others on this connection wait for no more. */
const askedAtOnce = 256
const betweenMs = 200

export function openBlobs(
  { link, calls, replies }: { readonly link: Link; readonly calls: Calls; readonly replies: Replies },
  options: BesideOptions & { readonly bucket: string },
): Blobs & Made {
  const { bucket } = options
  const stream = `OBJ_${bucket}`
  const manager = new Objm(jetstream(link.nc, { timeout: options.callMs }))
  const store = lazily<ObjectStore>({
    exists: () => streamExists(calls, stream),
    open: () => manager.open(bucket),
    make: () => manager.create(bucket, { replicas: options.replicas }),
  })
  const subjectOf = (name: string): string => infoSubject(bucket, name)
  const { append } = openAppends(link, replies, { stream, realm: options.realm.name, ackMs: blobMs })
  const { maxPayload } = link
  const guard = guarded(link, options, bucket, blobMs)

  async function infoOf(subject: string): Promise<StoredInfo | undefined> {
    const last = await lastOf(calls, stream, subject)
    if (last === undefined) return undefined
    const info = JSON.parse(new TextDecoder().decode(last.data)) as StoredInfo
    return info.deleted === true ? undefined : info
  }

  const nameOf = async (subject: string): Promise<string | undefined> => (await infoOf(subject))?.name

  async function read(name: string): Promise<Uint8Array | undefined> {
    const info = await infoOf(subjectOf(name))
    if (info === undefined) return undefined
    const bytes = await readChunks({ link, replies, bucket, waitMs: options.callMs }, info)
    if (bytes !== undefined) return bytes
    for (let attempt = 1; ; attempt++) {
      try {
        return (await (await store()).getBlob(name)) ?? undefined
      } catch (error) {
        if (attempt === attempts || !(error instanceof Error && error.message.includes('corrupt'))) throw error
        await delay(betweenMs)
      }
    }
  }

  return {
    ensure: () => guard(async () => void (await store())),
    put: (name, bytes) => guard(async () => void (await (await store()).putBlob({ name }, bytes))),
    add: (name, bytes, hash) =>
      guard(async () => {
        await store()
        await addBlob({ append, bucket, maxPayload }, { name, bytes, hash })
      }),
    get: (name) => guard(() => read(name)),
    remove: (name) =>
      guard(async () => {
        if (!(await streamExists(calls, stream))) return
        const objects = await store()
        const info = await objects.info(name)
        if (info && !info.deleted) await objects.delete(name)
        // Else the name would be looked up in every list for ever.
        await purgeSubject(calls, stream, subjectOf(name))
      }),
    async names() {
      const known = await subjectsOf(calls, stream, `$O.${bucket}.M.>`)
      const names: (string | undefined)[] = []
      for (let at = 0; at < known.length; at += askedAtOnce)
        names.push(...(await Promise.all(known.slice(at, at + askedAtOnce).map(nameOf))))
      return names.filter((name) => name !== undefined).sort()
    },
  }
}
