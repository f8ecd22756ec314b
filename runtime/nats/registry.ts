/**
 * A registry: a key-value bucket with some history, so that a changed kind can be explained. Invariant: a put over a revision is decided by the server, by its last entry of the key.
 */
import { jetstream } from '@nats-io/jetstream'
import { type KV, Kvm } from '@nats-io/kv'
import type { Registry } from '#runtime/bus.ts'
import {
  type BesideOptions,
  guarded,
  lastBefore,
  lastOf,
  lazily,
  type Made,
  purgeSubject,
  streamExists,
  subjectsOf,
} from './beside.ts'
import type { Calls } from './calls.ts'
import type { Link } from './link.ts'
import { refusal } from './server-fault.ts'

/** Enough to see how a kind's definition came to be what it is. */
const history = 20

export function openRegistry(
  link: Link,
  calls: Calls,
  options: BesideOptions & { readonly bucket: string },
): Registry & Made {
  const { bucket } = options
  const stream = `KV_${bucket}`
  const prefix = `$KV.${bucket}.`
  const manager = new Kvm(jetstream(link.nc, { timeout: options.callMs }))
  const store = lazily<KV>({
    exists: () => streamExists(calls, stream),
    open: () => manager.open(bucket),
    make: () => manager.create(bucket, { history, replicas: options.replicas }),
  })
  const guard = guarded(link, options, bucket, options.callMs * 2)

  async function entry(key: string): Promise<{ value: Uint8Array | undefined; revision: number }> {
    const last = await lastOf(calls, stream, prefix + key)
    if (last === undefined) return { value: undefined, revision: 0 }
    // A person with a NATS tool may have deleted it; that is an entry, too.
    const isGone = /^KV-Operation: *(DEL|PURGE)/im.test(last.headers)
    return { value: isGone ? undefined : last.data, revision: last.seq }
  }

  const get = async (key: string): Promise<Uint8Array | undefined> => (await entry(key)).value

  return {
    ensure: () => guard(async () => void (await store())),
    get,
    entry,
    put: (key, value, revision) =>
      guard(async () => (await store()).put(key, value, revision === undefined ? {} : { previousSeq: revision })),
    remove: (key) =>
      guard(async () => {
        if ((await lastOf(calls, stream, prefix + key)) === undefined) return
        // The mark that it leaves is a change that others notice; then nothing is left to be listed.
        await (await store()).delete(key)
        await purgeSubject(calls, stream, prefix + key)
      }),
    asOf: (key, instant) => lastBefore(calls, stream, { subject: prefix + key, instant }),
    async all(under = '') {
      const known = await subjectsOf(calls, stream, `${prefix}${under}>`)
      const keys = known.map((subject) => subject.slice(prefix.length)).sort()
      const found = await Promise.all(keys.map(async (key) => [key, await get(key)] as const))
      return found.flatMap(([key, value]) => (value === undefined ? [] : [[key, value] as const]))
    },
    async revision() {
      const info = await calls.call<{ state: { last_seq: number } }>(
        `STREAM.INFO.${stream}`,
        {},
        { absent: [refusal.streamNotFound] },
      )
      return info?.state.last_seq ?? 0
    },
  }
}
