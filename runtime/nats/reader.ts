/**
 * Reading the log: the clause "an envelope arrives". The position is ours, so the server's is
 * thrown away and made anew whenever anything is in doubt: a gap in the consumer's own count, a
 * silence, a deleted consumer, a lost connection. Invariant: entries are handed on in log order,
 * each once.
 */
import type { Msg } from '@nats-io/nats-core'
import type { Reading, ReadOptions } from '#runtime/bus.ts'
import type { Calls } from './calls.ts'
import { type Consumer, openConsumer } from './consumer.ts'
import type { Delivery } from './delivery.ts'
import type { Link } from './link.ts'
import type { Replies } from './replies.ts'
import { outsideOf } from './wire-headers.ts'
import type { WireShare } from './wire-share.ts'

const hedgesMost = 6

export type ReaderParts = {
  readonly link: Link
  readonly calls: Calls
  readonly replies: Replies
  readonly share: WireShare
}

export type ReaderOptions = {
  readonly stream: string
  /** The filter that every entry of the stream matches. */
  readonly whole: string
  readonly inboxPrefix: string | undefined
  readonly heartbeatMs: number
  /** How long a consumer may take to be made before another is asked for; nothing: as long as any answer. */
  readonly hedgeMs: number | undefined
}

export async function openReader(
  { link, calls, replies, share }: ReaderParts,
  options: ReaderOptions,
  { filter, from, onEntry, onRepair }: ReadOptions,
): Promise<Reading> {
  /** The first sequence not yet handed on. */
  let next = Math.max(1, from)
  let consumer: Consumer | undefined
  let paused = false
  let stopped = false
  let mending = false
  /** Consumers in a row from which nothing was heard. */
  let fruitless = 0
  let cancelRest = (): void => undefined
  const isStopped = (): boolean => stopped

  async function begin(): Promise<void> {
    const opened = await openConsumer(
      { link, calls, share },
      {
        ...options,
        filter: filter === options.whole ? undefined : filter,
        from: next,
        // What did not help is waited for longer the next time.
        hedgeMs: options.hedgeMs === undefined ? undefined : options.hedgeMs * 2 ** Math.min(fruitless, hedgesMost),
      },
      {
        mayPull: () => !paused,
        onDelivery: handOn,
        onBroken: (reason) => void mend(reason),
      },
    )
    if (isStopped()) return opened.end()
    consumer = opened
    consumer.pull()
  }

  function handOn({ seq, at }: Delivery, message: Msg, headers: Uint8Array | undefined): void {
    if (seq < next) return
    next = seq + 1
    const { subject, data } = message
    const outside = headers === undefined ? undefined : outsideOf(headers)
    try {
      onEntry({ seq, subject, data, at, id: outside?.id, traceparent: outside?.traceparent })
    } catch (error) {
      // Into the client's parser it would end the connection for everybody.
      void stop()
      queueMicrotask(() => {
        throw error
      })
    }
  }

  async function mend(reason: string): Promise<void> {
    if (mending || stopped) return
    mending = true
    if (consumer?.isFruitful() === true) fruitless = 0
    consumer?.end()
    consumer = undefined
    onRepair?.(reason)
    await beginAgain(reason)
    mending = false
  }

  async function beginAgain(reason: string): Promise<void> {
    let told = reason
    for (; !isStopped(); fruitless++) {
      // The first attempt is at once; what fails again and again must not become a loop without rest.
      if (fruitless > 0) await rest(Math.min(1000, 25 * 2 ** fruitless))
      if (!link.isUp()) continue
      try {
        await begin()
        fruitless++
        return
      } catch (error) {
        const problem = error instanceof Error ? error.message : String(error)
        if (problem !== told) onRepair?.(problem)
        told = problem
      }
    }
  }

  function rest(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms)
      cancelRest = () => {
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
    cancelRest()
    consumer?.end()
  }

  await begin()
  let isFirstState = true
  const connection = link.onState((state) => {
    if (isFirstState) isFirstState = false
    else if (state === 'closed') void stop()
    else if (state === 'connected') {
      cancelRest()
      void mend('the connection was lost')
    }
  })
  const ticks = replies.onTick((now) => {
    const silentMs = link.isUp() ? (consumer?.silentMs(now) ?? 0) : 0
    if (silentMs > 2.5 * options.heartbeatMs) void mend(`nothing was heard for ${Math.round(silentMs)} ms`)
  })
  return {
    pause() {
      paused = true
    },
    resume() {
      paused = false
      consumer?.pull()
    },
    stop,
  }
}
