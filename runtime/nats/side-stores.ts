/**
 * What stands beside the log: the registry of kinds (a key-value bucket) and the blobs (an object
 * store), each made when something is first put there. Both are copies or descriptions; the log
 * never depends on them to be right.
 */
import { jetstream } from '@nats-io/jetstream'
import { type KV, Kvm } from '@nats-io/kv'
import { Objm, type ObjectStore } from '@nats-io/obj'
import type { Realm } from '#protocol/realm.ts'
import { Fault } from '#protocol/fault.ts'
import type { Bus } from '#runtime/bus.ts'
import type { Calls } from './calls.ts'
import type { Link } from './link.ts'
import { faultOfClient, refusal } from './server-fault.ts'

export type SideOptions = { readonly realm: Realm; readonly replicas: number; readonly callMs: number }

/** Enough to see how a kind's definition came to be what it is. */
const history = 20
/** A base of a partition may be hundreds of megabytes on a slow disk. */
const blobMs = 120_000

export function openRegistry(link: Link, calls: Calls, options: SideOptions): Bus['registry'] {
  const bucket = `${options.realm.name}_kinds`
  const manager = new Kvm(jetstream(link.nc, { timeout: options.callMs }))
  const store = lazily<KV>({
    exists: () => streamExists(calls, `KV_${bucket}`),
    open: () => manager.open(bucket),
    make: () => manager.create(bucket, { history, replicas: options.replicas }),
  })
  const guard = guarded(link, options, bucket, options.callMs * 2)
  return {
    get: (key) =>
      guard(async () => {
        const entry = await (await store.ifThere())?.get(key)
        return entry?.operation === 'PUT' ? entry.value : undefined
      }),
    put: (key, value) => guard(async () => void (await (await store.there()).put(key, value))),
    keys: () =>
      guard(async () => {
        const keys: string[] = []
        for await (const key of (await (await store.ifThere())?.keys()) ?? []) keys.push(key)
        return keys.sort()
      }),
  }
}

export function openBlobs(link: Link, calls: Calls, options: SideOptions): Bus['blobs'] {
  const bucket = `${options.realm.name}_bases`
  const manager = new Objm(jetstream(link.nc, { timeout: options.callMs }))
  const store = lazily<ObjectStore>({
    exists: () => streamExists(calls, `OBJ_${bucket}`),
    open: () => manager.open(bucket),
    make: () => manager.create(bucket, { replicas: options.replicas }),
  })
  const guard = guarded(link, options, bucket, blobMs)
  return {
    put: (name, bytes) => guard(async () => void (await (await store.there()).putBlob({ name }, bytes))),
    get: (name) => guard(async () => (await (await store.ifThere())?.getBlob(name)) ?? undefined),
    remove: (name) =>
      guard(async () => {
        const there = await store.ifThere()
        const info = await there?.info(name)
        if (info && !info.deleted) await there?.delete(name)
      }),
    names: () =>
      guard(async () => {
        const infos = (await (await store.ifThere())?.list()) ?? []
        return infos
          .filter((info) => !info.deleted)
          .map((info) => info.name)
          .sort()
      }),
  }
}

async function streamExists({ call }: Calls, stream: string): Promise<boolean> {
  return (await call(`STREAM.INFO.${stream}`, {}, { absent: [refusal.streamNotFound] })) !== undefined
}

type Lazy<T> = { readonly ifThere: () => Promise<T | undefined>; readonly there: () => Promise<T> }

function lazily<T>(by: { exists(): Promise<boolean>; open(): Promise<T>; make(): Promise<T> }): Lazy<T> {
  let known: T | undefined
  return {
    ifThere: async () => (known ??= (await by.exists()) ? await by.open() : undefined),
    // Not `make` alone: a client without the right to make may still write.
    there: async () => (known ??= (await by.exists()) ? await by.open() : await by.make()),
  }
}

/** The client library's own promises may wait long on a lost connection; ours end with it. */
function guarded(link: Link, options: SideOptions, subject: string, ms: number) {
  const asked = { address: link.address, subject, realm: options.realm.name }
  return async <T>(work: () => Promise<T>): Promise<T> => {
    if (!link.isUp()) throw link.downFault()
    const lost = Promise.withResolvers<never>()
    const since = performance.now()
    const fail = (): void => lost.reject(new Fault('bus.timeout', { ms: Math.round(performance.now() - since) }))
    const timer = setTimeout(fail, ms)
    const connection = link.onState((state) => {
      if (state !== 'connected') fail()
    })
    try {
      return await Promise.race([work(), lost.promise])
    } catch (cause) {
      throw faultOfClient(cause, asked, ms)
    } finally {
      clearTimeout(timer)
      connection.stop()
    }
  }
}
