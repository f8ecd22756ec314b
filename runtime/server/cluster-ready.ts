/**
 * Waits until servers that were started together keep a log together: they know each other, one
 * of them leads, and every stream that was kept before has a leader again. There is no deadline,
 * because a large store takes as long as it takes; the end of a server or a signal ends it.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import type { Login } from './credentials.ts'

export type ClusterReadyOptions = {
  readonly urls: readonly string[]
  readonly login: Login
  /** Rejects when waiting has become pointless. */
  readonly failed: Promise<never>
  readonly signal?: AbortSignal | undefined
  readonly onProgress: (line: string) => void
}

type Answer<T> = T & { readonly error?: { readonly code: number; readonly description: string } }

const lookEveryMs = 50
const answerMs = 1_000
/** A person who waits wants to know for what. */
const sayAfterMs = 15_000

/** In memory and gone at once: only a stream of so many replicas shows that so many servers know each other. */
const probe = { name: 'perdure-probe', subjects: ['perdure-probe'], storage: 'memory' }

export async function awaitCluster(options: ClusterReadyOptions): Promise<void> {
  const { urls, login, failed, signal } = options
  const { user, pass } = login
  let over = false
  // Refused while a server is not up yet; asked again until one is.
  const dial = async (): Promise<NatsConnection | undefined> =>
    await connect({ servers: [...urls], user, pass, name: 'perdure-ready', reconnect: false }).catch(() => undefined)

  async function settle(): Promise<void> {
    while (!over) {
      const connection = await dial()
      if (connection === undefined) await pause(lookEveryMs)
      else if (await leads(connection, options, () => over)) return
    }
  }
  const aborted = new Promise<never>((_, reject) => {
    signal?.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
  })
  aborted.catch(() => undefined)
  try {
    signal?.throwIfAborted()
    await Promise.race([settle(), failed, aborted])
  } finally {
    over = true
  }
}

/** False when the connection was lost on the way. */
async function leads(
  connection: NatsConnection,
  { urls, onProgress }: ClusterReadyOptions,
  isOver: () => boolean,
): Promise<boolean> {
  const since = performance.now()
  let said = ''
  async function answered<T>(subject: string, body: object): Promise<Answer<T> | undefined> {
    while (!isOver() && !connection.isClosed()) {
      const reason = await connection.request(`$JS.API.${subject}`, JSON.stringify(body), { timeout: answerMs }).then(
        (message) => message.json<Answer<T>>(),
        () => 'nobody leads them yet',
      )
      if (typeof reason === 'object' && reason.error === undefined) return reason
      const text = typeof reason === 'string' ? reason : (reason.error?.description ?? '')
      if (text !== said && performance.now() - since > sayAfterMs) onProgress(`the servers are not ready yet: ${text}`)
      said = text
      await pause(lookEveryMs)
    }
    return undefined
  }
  try {
    if ((await answered(`STREAM.CREATE.${probe.name}`, { ...probe, num_replicas: urls.length })) === undefined)
      return false
    await answered(`STREAM.DELETE.${probe.name}`, {})
    for (let offset = 0; ;) {
      const page = await answered<{ total: number; streams: string[] | null }>('STREAM.NAMES', { offset })
      const names = page?.streams ?? []
      await Promise.all(names.map((name) => answered(`STREAM.INFO.${name}`, {})))
      offset += names.length
      if (page === undefined || names.length === 0 || offset >= page.total) break
    }
    return !connection.isClosed()
  } finally {
    await connection.close()
  }
}
