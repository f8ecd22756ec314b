/**
 * Makes a consumer on the server, for the clause "an envelope arrives". In a cluster a request
 * goes down with a leader that is about to stop, and nobody says so; so others follow it, each
 * after twice as long. Invariant: of all that are made the first is taken and no other stays.
 */
import { nuid } from '@nats-io/nats-core'
import type { Calls } from './calls.ts'
import type { Link } from './link.ts'

export type ConsumerWanted = {
  readonly stream: string
  readonly filter: string | undefined
  readonly config: object
  /** How long the first request may be unanswered; nothing: as long as any. */
  readonly hedgeMs: number | undefined
}

/** Its name. */
export function makeConsumer(
  { link, calls }: { readonly link: Link; readonly calls: Calls },
  { stream, filter, config, hedgeMs }: ConsumerWanted,
): Promise<string> {
  const suffix = filter === undefined ? '' : `.${filter}`
  return new Promise((resolve, reject) => {
    let isOver = false
    let timer: NodeJS.Timeout | undefined
    function end(how: () => void): void {
      isOver = true
      clearTimeout(timer)
      how()
    }
    function ask(waitMs: number | undefined): void {
      const name = nuid.next()
      if (waitMs !== undefined) timer = setTimeout(() => ask(2 * waitMs), waitMs)
      const body = { stream_name: stream, config: { ...config, name } }
      calls.call(`CONSUMER.CREATE.${stream}.${name}${suffix}`, body).then(
        () => (isOver ? removeConsumer({ link, calls }, stream, name) : end(() => resolve(name))),
        (error: unknown) => {
          if (!isOver) end(() => reject(error))
        },
      )
    }
    ask(hedgeMs)
  })
}

export function removeConsumer(
  { link, calls }: { readonly link: Link; readonly calls: Calls },
  stream: string,
  name: string,
): void {
  if (link.isUp()) calls.call(`CONSUMER.DELETE.${stream}.${name}`, {}).catch(() => undefined)
}
