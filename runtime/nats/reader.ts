/**
 * Reading the log: the clause "an envelope arrives". A pull consumer without acknowledgements,
 * in the server's memory, made anew from our own position whenever anything is in doubt: the
 * position belongs to us, so the server's can be thrown away. Invariant: entries are handed on
 * in log order, each once.
 *
 * Pull, not push, because the reader then bounds what is on the wire: sixteen push consumers
 * that catch up may owe one connection half a gigabyte, and the server cuts it at 64 MB. Both
 * were measured equally fast with 1000 entries asked for at a time; 256 were half as fast.
 */
import { createInbox, type Msg, nuid, type Subscription } from '@nats-io/nats-core'
import type { Reading, ReadOptions } from '#runtime/bus.ts'
import type { Calls } from './calls.ts'
import { deliveryOf } from './delivery.ts'
import type { Link } from './link.ts'
import type { Replies } from './replies.ts'
import { headerBytesOf, outsideOf, statusOf } from './wire-headers.ts'

export type ReaderParts = { readonly link: Link; readonly calls: Calls; readonly replies: Replies }

export type ReaderOptions = {
  readonly stream: string
  readonly inboxPrefix: string | undefined
  readonly heartbeatMs: number
}

/** How many entries are asked for at a time; asked again when half of them have come. */
const window = 1000
const inactiveMs = 60_000
const utf8 = new TextEncoder()

/** One life of the consumer on the server; a repair begins the next. */
type Life = {
  readonly name: string
  readonly subscription: Subscription
  /** Deliveries seen, to be compared with the consumer's own count. */
  count: number
  /** Entries asked for and not yet come. */
  owed: number
  heardAt: number
  /** How often a new consumer may still be out of reach: in a cluster it is known a little later everywhere. */
  patience: number
}

export async function openReader(
  { link, calls, replies }: ReaderParts,
  { stream, inboxPrefix, heartbeatMs }: ReaderOptions,
  { filter, from, onEntry, onRepair }: ReadOptions,
): Promise<Reading> {
  let next = Math.max(1, from)
  let life: Life | undefined
  let paused = false
  let stopped = false
  let mending = false
  /** Lives since something was last heard. */
  let fruitless = 0
  let cancelWait = (): void => undefined

  // The server wants to hear of at least two heartbeats in a request's life.
  const expiresMs = Math.max(30_000, 3 * heartbeatMs)
  const pullBytes = link.maxPayload + 65_536
  function pull(now: Life): void {
    if (paused || !link.isUp()) return
    const batch = window - now.owed
    const request = {
      batch,
      // One request must be able to carry the largest entry, or it would never come.
      max_bytes: pullBytes,
      expires: expiresMs * 1_000_000,
      idle_heartbeat: heartbeatMs * 1_000_000,
    }
    now.owed += batch
    link.publish(`$JS.API.CONSUMER.MSG.NEXT.${stream}.${now.name}`, utf8.encode(JSON.stringify(request)), {
      reply: now.subscription.getSubject(),
    })
  }

  async function begin(): Promise<void> {
    const name = nuid.next()
    const config = {
      name,
      deliver_policy: 'by_start_sequence',
      opt_start_seq: next,
      ack_policy: 'none',
      filter_subject: filter,
      mem_storage: true,
      num_replicas: 1,
      inactive_threshold: inactiveMs * 1_000_000,
    }
    await calls.call(`CONSUMER.CREATE.${stream}.${name}.${filter}`, { stream_name: stream, config })
    if (stopped) return remove(name)
    const subscription = link.nc.subscribe(createInbox(inboxPrefix), {
      callback: (error, message) => {
        if (stopped || life !== mine) return
        if (error) void mend(error.message)
        else receive(mine, message)
      },
    })
    const mine: Life = { name, subscription, count: 0, owed: 0, heardAt: performance.now(), patience: 8 }
    life = mine
    pull(mine)
  }

  function receive(mine: Life, message: Msg): void {
    mine.heardAt = performance.now()
    const headers = headerBytesOf(message)
    const status = headers === undefined ? 0 : statusOf(headers)
    if (status > 0) return onStatus(mine, status, message)
    fruitless = 0
    const { seq, count, at } = deliveryOf(message.reply as string)
    if (count !== mine.count + 1) return void mend(`delivery ${count} came after ${mine.count}`)
    mine.count = count
    mine.owed--
    if (seq < next) return
    next = seq + 1
    const outside = headers === undefined ? undefined : outsideOf(headers)
    try {
      onEntry({
        seq,
        subject: message.subject,
        data: message.data,
        at,
        id: outside?.id,
        traceparent: outside?.traceparent,
      })
    } catch (error) {
      // Into the client's parser it would end the connection for everybody.
      void stop()
      queueMicrotask(() => {
        throw error
      })
      return
    }
    if (mine.owed <= window / 2 && life === mine) pull(mine)
  }

  function onStatus(mine: Life, status: number, message: Msg): void {
    const { headers } = message
    if (status === 100) {
      fruitless = 0
      // The consumer tells how many it has sent: a loss at the very end shows only here.
      const sent = Number(headers?.get('Nats-Last-Consumer') ?? 0)
      if (sent > mine.count) void mend(`${sent} were sent, ${mine.count} came`)
      return
    }
    if (status === 503 && mine.count === 0 && mine.patience-- > 0) {
      mine.owed = 0
      setTimeout(() => {
        if (life === mine && mine.owed === 0) pull(mine)
      }, 20).unref()
      return
    }
    // 404, 408 and most 409 end one request and say how much of it is left; anything else ends the consumer.
    const left = headers?.get('Nats-Pending-Messages')
    if (left === undefined || left === '') return void mend(headers?.description || `status ${status}`)
    mine.owed = Math.max(0, mine.owed - Number(left))
    if (mine.owed <= window / 2) pull(mine)
  }

  function end(): void {
    const old = life
    life = undefined
    if (old === undefined) return
    old.subscription.unsubscribe()
    remove(old.name)
  }

  /** Best effort: what is left behind goes by itself when nobody has pulled for a minute. */
  function remove(name: string): void {
    if (link.isUp()) calls.call(`CONSUMER.DELETE.${stream}.${name}`, {}).catch(() => undefined)
  }

  async function mend(reason: string): Promise<void> {
    if (mending || stopped) return
    mending = true
    end()
    onRepair?.(reason)
    await beginAgain(reason)
    mending = false
  }

  async function beginAgain(reason: string): Promise<void> {
    let told = reason
    for (; !stopped; fruitless++) {
      // The first attempt is at once; what fails again and again must not become a loop without rest.
      if (fruitless > 0) await wait(Math.min(1000, 25 * 2 ** fruitless))
      try {
        if (link.isUp()) {
          await begin()
          fruitless++
          return
        }
      } catch (error) {
        const problem = error instanceof Error ? error.message : String(error)
        if (problem !== told) onRepair?.(problem)
        told = problem
      }
    }
  }

  function wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms)
      cancelWait = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  async function stop(): Promise<void> {
    if (stopped) return
    stopped = true
    connection.stop()
    ticks.stop()
    cancelWait()
    end()
  }

  await begin()
  let isFirstState = true
  const connection = link.onState((state) => {
    if (isFirstState) isFirstState = false
    else if (state === 'closed') void stop()
    else if (state === 'connected') {
      cancelWait()
      void mend('the connection was lost')
    }
  })
  const ticks = replies.onTick((now) => {
    if (life === undefined || life.owed === 0 || !link.isUp()) return
    const silentMs = now - life.heardAt
    if (silentMs > 2.5 * heartbeatMs) void mend(`nothing was heard for ${Math.round(silentMs)} ms`)
  })
  return {
    pause() {
      paused = true
    },
    resume() {
      if (!paused) return
      paused = false
      if (life === undefined) return
      life.heardAt = performance.now()
      if (life.owed <= window / 2) pull(life)
    },
    stop,
  }
}
