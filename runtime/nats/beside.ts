/**
 * What the stores beside the log have in common: each is made when something is first put there,
 * and is read through its leader. The client library reads through replicas, which in a cluster
 * may be behind: a list that lacks what was just put is taken for a loss.
 */
import { Fault } from '#protocol/fault.ts'
import type { Realm } from '#protocol/realm.ts'
import type { Calls } from './calls.ts'
import type { Link } from './link.ts'
import { faultOfClient, refusal } from './server-fault.ts'

export type BesideOptions = { readonly realm: Realm; readonly replicas: number; readonly callMs: number }

/** Makes the store when it is not there. */
export type Made = { ensure(): Promise<void> }

export async function streamExists(calls: Calls, stream: string): Promise<boolean> {
  return (await calls.call(`STREAM.INFO.${stream}`, {}, { absent: [refusal.streamNotFound] })) !== undefined
}

/** The subjects under a filter that have an entry now. */
export async function subjectsOf(calls: Calls, stream: string, filter: string): Promise<string[]> {
  const info = await calls.call<{ state: { subjects?: Record<string, number> } }>(
    `STREAM.INFO.${stream}`,
    { subjects_filter: filter },
    { absent: [refusal.streamNotFound] },
  )
  return Object.keys(info?.state.subjects ?? {})
}

export type LastEntry = { readonly seq: number; readonly data: Uint8Array; readonly headers: string }

export async function lastOf(calls: Calls, stream: string, subject: string): Promise<LastEntry | undefined> {
  const found = await calls.call<{ message: { seq: number; data?: string; hdrs?: string } }>(
    `STREAM.MSG.GET.${stream}`,
    { last_by_subj: subject },
    { absent: [refusal.noMessage, refusal.streamNotFound] },
  )
  if (found === undefined) return undefined
  const { seq, data = '', hdrs = '' } = found.message
  return { seq, data: Buffer.from(data, 'base64'), headers: Buffer.from(hdrs, 'base64').toString() }
}

/** The newest that was stored at or before that instant; of a store that keeps a little history. */
export async function lastBefore(
  calls: Calls,
  stream: string,
  { subject, instant }: { readonly subject: string; readonly instant: number },
): Promise<Uint8Array | undefined> {
  let found: Uint8Array | undefined
  for (let from = 1; ;) {
    const entry = await calls.call<{ message: { seq: number; data?: string; time: string } }>(
      `STREAM.MSG.GET.${stream}`,
      { seq: from, next_by_subj: subject },
      { absent: [refusal.noMessage, refusal.streamNotFound] },
    )
    if (entry === undefined || Date.parse(entry.message.time) > instant) return found
    found = Buffer.from(entry.message.data ?? '', 'base64')
    from = entry.message.seq + 1
  }
}

/** What stands there now; not what somebody puts there meanwhile. */
export async function purgeSubject(calls: Calls, stream: string, subject: string): Promise<void> {
  const last = await lastOf(calls, stream, subject)
  if (last !== undefined) await calls.call(`STREAM.PURGE.${stream}`, { filter: subject, seq: last.seq + 1 })
}

/** Not `make` alone: a client without the right to make a store may still write to it. */
export function lazily<T>(by: {
  readonly exists: () => Promise<boolean>
  readonly open: () => Promise<T>
  readonly make: () => Promise<T>
}): () => Promise<T> {
  let known: T | undefined
  return async () => (known ??= (await by.exists()) ? await by.open() : await by.make())
}

/** The client library's own promises may wait long on a lost connection; ours end with it. */
export function guarded(link: Link, options: BesideOptions, subject: string, ms: number) {
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
