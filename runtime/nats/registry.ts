/** The registry of kinds: a key-value bucket with some history, so that a changed kind can be explained. */
import { jetstream } from '@nats-io/jetstream'
import { type KV, Kvm } from '@nats-io/kv'
import type { Bus } from '#runtime/bus.ts'
import { type BesideOptions, guarded, lastOf, lazily, type Made, streamExists, subjectsOf } from './beside.ts'
import type { Calls } from './calls.ts'
import type { Link } from './link.ts'

/** Enough to see how a kind's definition came to be what it is. */
const history = 20

export function openRegistry(link: Link, calls: Calls, options: BesideOptions): Bus['registry'] & Made {
  const bucket = `${options.realm.name}_kinds`
  const stream = `KV_${bucket}`
  const prefix = `$KV.${bucket}.`
  const manager = new Kvm(jetstream(link.nc, { timeout: options.callMs }))
  const store = lazily<KV>({
    exists: () => streamExists(calls, stream),
    open: () => manager.open(bucket),
    make: () => manager.create(bucket, { history, replicas: options.replicas }),
  })
  const guard = guarded(link, options, bucket, options.callMs * 2)

  async function get(key: string): Promise<Uint8Array | undefined> {
    const last = await lastOf(calls, stream, prefix + key)
    // A person with a NATS tool may have deleted it; that is an entry, too.
    return last === undefined || /^KV-Operation: *(DEL|PURGE)/im.test(last.headers) ? undefined : last.data
  }

  return {
    ensure: () => guard(async () => void (await store())),
    get,
    put: (key, value) => guard(async () => void (await (await store()).put(key, value))),
    async keys() {
      const known = await subjectsOf(calls, stream, `${prefix}>`)
      const keys = known.map((subject) => subject.slice(prefix.length))
      const values = await Promise.all(keys.map(get))
      return keys.filter((_, at) => values[at] !== undefined).sort()
    },
  }
}
