/**
 * One life of a consumer on the server: made at a position, asked for entries, thrown away at the
 * first doubt. A pull consumer without acknowledgements, in the server's memory.
 *
 * Pull, not push, because the reader then bounds what is on the wire: sixteen push consumers
 * that catch up may owe one connection half a gigabyte, and the server cuts it at 64 MB. Both
 * were measured equally fast with 1000 entries asked for at a time; 256 were half as fast.
 */
import { createInbox, type Msg } from '@nats-io/nats-core'
import type { Calls } from './calls.ts'
import { type Delivery, deliveryOf } from './delivery.ts'
import type { Link } from './link.ts'
import { makeConsumer, removeConsumer } from './make-consumer.ts'
import { headerBytesOf, statusOf } from './wire-headers.ts'
import type { WireShare } from './wire-share.ts'

export type ConsumerOptions = {
  readonly stream: string
  /**
   * None for the whole stream: then the server reads on from block to block. With a pattern that
   * matches everything it searches all subjects for each entry, five times slower.
   */
  readonly filter: string | undefined
  readonly from: number
  readonly heartbeatMs: number
  readonly inboxPrefix: string | undefined
  /** In a cluster: how long it may take to be made, or silent while it is new, before another is made. */
  readonly hedgeMs: number | undefined
}

export type ConsumerEvents = {
  readonly mayPull: () => boolean
  /** In the order of the consumer's own count, without a gap. */
  readonly onDelivery: (delivery: Delivery, message: Msg, headers: Uint8Array | undefined) => void
  readonly onBroken: (reason: string) => void
}

export type Consumer = {
  /** Asks for more when half of what was asked for has come. */
  pull(): void
  /** For how long nothing came although something was asked for. */
  silentMs(now: number): number
  /** Whether the server has said anything but that it cannot. */
  isFruitful(): boolean
  end(): void
}

/** Consumers that a crash leaves behind go by themselves. */
const inactiveMs = 60_000
/** In a cluster a new consumer is known everywhere a little later. */
const patience = 8
const patienceMs = 20
const utf8 = new TextEncoder()

export async function openConsumer(
  { link, calls, share }: { readonly link: Link; readonly calls: Calls; readonly share: WireShare },
  { stream, filter, from, heartbeatMs, inboxPrefix, hedgeMs }: ConsumerOptions,
  { mayPull, onDelivery, onBroken }: ConsumerEvents,
): Promise<Consumer> {
  const config = {
    deliver_policy: 'by_start_sequence',
    opt_start_seq: from,
    ack_policy: 'none',
    ...(filter === undefined ? {} : { filter_subject: filter }),
    mem_storage: true,
    num_replicas: 1,
    inactive_threshold: inactiveMs * 1_000_000,
  }
  const name = await makeConsumer({ link, calls }, { stream, filter, config, hedgeMs })

  let ended = false
  /** Deliveries seen, to be compared with the consumer's own count. */
  let count = 0
  /** Entries asked for and not yet come. */
  let owed = 0
  let heardAt = performance.now()
  let window = 0
  const place = { owed: () => owed, heardAt: () => heardAt }
  share.join(place)
  let fruitful = false
  let refusals = 0
  const bornAt = performance.now()
  // The server wants room for two heartbeats in a request's life.
  const expiresMs = Math.max(30_000, 3 * heartbeatMs)
  // One request must be able to carry the largest entry, or it would never come.
  const maxBytes = link.maxPayload + 65_536

  const subscription = link.nc.subscribe(createInbox(inboxPrefix), {
    callback: (error, message) => {
      if (ended) return
      if (error === null) receive(message)
      else onBroken(error.message)
    },
  })

  /** One that was made on a server about to stop falls silent without a word, so at first it speaks often. */
  const youthMs = hedgeMs === undefined ? 0 : Math.max(1000, 4 * hedgeMs)
  const isYoung = (now: number): boolean => now - bornAt < youthMs
  const watching = hedgeMs === undefined ? undefined : setInterval(() => setImmediate(watch), hedgeMs / 2).unref()
  /** After what lies unread in the socket, if this process stood still. */
  function watch(): void {
    const now = performance.now()
    if (ended || !isYoung(now)) clearInterval(watching)
    else if (owed > 0 && now - heardAt > (hedgeMs as number)) onBroken('a new consumer fell silent')
  }

  function pull(): void {
    if (ended || owed > window / 2 || !mayPull() || !link.isUp()) return
    const now = performance.now()
    window = share.window(place, now)
    if (owed > window / 2) return
    const isFrequent = hedgeMs !== undefined && isYoung(now)
    const batch = window - owed
    if (owed === 0) heardAt = now
    owed += batch
    const request = {
      batch,
      max_bytes: maxBytes,
      expires: (isFrequent ? youthMs : expiresMs) * 1_000_000,
      idle_heartbeat: (isFrequent ? Math.round(hedgeMs / 3) : heartbeatMs) * 1_000_000,
    }
    const reply = subscription.getSubject()
    link.publish(`$JS.API.CONSUMER.MSG.NEXT.${stream}.${name}`, utf8.encode(JSON.stringify(request)), { reply })
  }

  function receive(message: Msg): void {
    heardAt = performance.now()
    const headers = headerBytesOf(message)
    const status = headers === undefined ? 0 : statusOf(headers)
    if (status > 0) return onStatus(status, message)
    fruitful = true
    const delivery = deliveryOf(message.reply as string)
    if (delivery.count !== count + 1) return onBroken(`delivery ${delivery.count} came after ${count}`)
    count = delivery.count
    owed--
    onDelivery(delivery, message, headers)
    pull()
  }

  function onStatus(status: number, { headers }: Msg): void {
    if (status === 100) {
      fruitful = true
      // The consumer tells how many it has sent: a loss at the very end shows only here.
      const sent = Number(headers?.get('Nats-Last-Consumer') ?? 0)
      if (sent > count) onBroken(`${sent} were sent, ${count} came`)
      return
    }
    if (status === 503 && count === 0 && refusals++ < patience) {
      owed = 0
      setTimeout(pull, patienceMs).unref()
      return
    }
    // 404, 408 and most 409 end one request and say how much of it is left; anything else ends the consumer.
    const { description = '' } = headers ?? {}
    const left = headers?.get('Nats-Pending-Messages') ?? ''
    if (left === '' || isLeaving(description)) return onBroken(description || `status ${status}`)
    owed = Math.max(0, owed - Number(left))
    pull()
  }

  return {
    pull,
    silentMs: (now) => (owed === 0 ? 0 : now - heardAt),
    isFruitful: () => fruitful,
    end() {
      if (ended) return
      ended = true
      share.leave(place)
      clearInterval(watching)
      subscription.unsubscribe()
      removeConsumer({ link, calls }, stream, name)
    },
  }
}

/** A server that stops as planned says what is left of a request, too; but nobody hears the next one. */
function isLeaving(description: string): boolean {
  return /^(?:server shutdown|leadership change)$/i.test(description)
}
