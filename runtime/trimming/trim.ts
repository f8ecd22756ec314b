/**
 * Keeps the log from growing for ever. Invariants: nothing at or past the horizon is purged, and
 * the horizon is the least of all partitions' durable bases and cursors, told by their owners in
 * this very round; the last entry of `commit.<p>` is never purged, nor an emitted event that a
 * subscriber has not heard; a history window is kept behind it. The owner of partition 0 leads,
 * which decides nothing but the instant: two leaders would each purge what nobody needs.
 */
import { tokenOf } from '#protocol/address.ts'
import { storedFaultOf } from '#protocol/fault.ts'
import type { FoldedPartition } from '#protocol/folded.ts'
import type { Heartbeat } from '#protocol/heartbeat.ts'
import { subjects } from '#protocol/subject.ts'
import {
  decodeTrimAnswer,
  decodeTrimAsk,
  encodeTrimAnswer,
  encodeTrimAsk,
  type TrimAnswer,
  type TrimAsk,
} from '#protocol/trimming.ts'
import type { Store } from '#store/store.ts'
import type { Bus } from '#runtime/bus.ts'
import type { Clock } from '#runtime/clock.ts'
import { trace } from '#runtime/trace.ts'
import { type ParkedOptions, parkedTrimmerOf } from './trim-parked.ts'
import { trimPartOf } from './trim-part.ts'
import { orderOf, windowEnd, type WindowOptions } from './trim-window.ts'

export type TrimOptions = ParkedOptions &
  WindowOptions & {
    readonly name: string
    readonly trimEveryMs: number
    /** An owner may have to upload large bases before it answers. */
    readonly trimAnswerMs: number
    readonly retryMs: number
  }

/** A round uploads the base of every partition that changed; it must be worth that. */
const leastShare = 0.1

export type Trimmer = {
  start(): void
  stop(): Promise<void>
  /** One round now; the number of entries removed. */
  trim(): Promise<number>
}

type World = {
  readonly bus: Bus
  readonly store: Store
  readonly clock: Clock
  readonly positions: () => readonly FoldedPartition[]
  /** A cut that is not archived yet refers to the log. */
  readonly isHeld: () => boolean
  /** Who else lives. */
  readonly others: () => readonly Pick<Heartbeat, 'name' | 'owned'>[]
}

/** What all owners said together. */
type Bounds = { readonly bound: number; readonly heard: number }

export function openTrimmer({ bus, store, clock, positions, isHeld, others }: World, options: TrimOptions): Trimmer {
  const { realm } = bus
  const part = trimPartOf({ bus, store, positions, isHeld })
  const trimParked = parkedTrimmerOf({ bus, clock }, options)
  let alarm: { cancel(): void } | undefined
  let serving: { stop(): void } | undefined
  let running: Promise<unknown> = Promise.resolve()
  let stopped = false
  /** The horizon of the last round, as a sequence: entries that are always kept stay below it. */
  let trimmed = 0
  let failures = 0

  async function trim(): Promise<number> {
    if (!positions().some(({ partition }) => partition === 0)) return 0
    const removed = await trimParked()
    const order = orderOf(bus)
    const state = await order.state()
    const begin = Math.max(state.firstSeq, trimmed)
    const isWorth = (end: number): boolean =>
      end > state.firstSeq && end - begin >= (state.lastSeq - begin) * leastShare
    const end = await windowEnd({ order, clock }, state, options)
    if (!isWorth(end)) return removed
    // From here on by positions, as owners know them.
    const upTo = order.positionOf(end)
    const ask = { lastSeq: order.topOf(state.lastSeq), from: order.positionOf(begin) }
    const possible = await boundsOf({ ...ask, upTo, isFirm: false })
    if (possible === undefined || !isWorth(order.boundOf(Math.min(upTo, possible.bound)))) return removed
    const firm = await boundsOf({ ...ask, upTo: Math.min(upTo, possible.bound), isFirm: true })
    if (firm === undefined) return removed
    const horizon = Math.min(upTo, firm.bound)
    return isWorth(order.boundOf(horizon)) ? removed + (await purge(horizon, firm.heard)) : removed
  }

  /** Of all partitions; nothing when one of them was not answered for. */
  async function boundsOf(ask: TrimAsk): Promise<Bounds | undefined> {
    const missing = new Set(Array.from({ length: realm.partitions }, (_, partition) => partition))
    let bound = Number.POSITIVE_INFINITY
    let heard = Number.POSITIVE_INFINITY
    const take = (answer: TrimAnswer): void => {
      heard = Math.min(heard, answer.heard ?? heard)
      for (const [partition, one] of answer.bounds) {
        missing.delete(partition)
        bound = Math.min(bound, one)
      }
    }
    take(await part(ask))
    const asked = others()
    const answers = await Promise.allSettled(asked.map((one) => answerOf(one.name, ask)))
    let silent: { readonly name: string; readonly reason: unknown } | undefined
    for (const [at, answer] of answers.entries()) {
      if (answer.status === 'fulfilled') take(answer.value)
      else if ((asked[at]?.owned.length ?? 0) > 0) silent ??= { name: asked[at]?.name ?? '', reason: answer.reason }
    }
    if (missing.size === 0) return { bound, heard }
    const reason = silent === undefined ? undefined : storedFaultOf(silent.reason).message
    trace({ is: 'trim.held', partitions: [...missing], node: silent?.name, reason })
    return undefined
  }

  async function answerOf(name: string, ask: TrimAsk): Promise<TrimAnswer> {
    const subject = subjects.trim(realm, tokenOf(name))
    return decodeTrimAnswer(await bus.request(subject, encodeTrimAsk(ask), options.trimAnswerMs))
  }

  async function purge(horizon: number, heard: number): Promise<number> {
    let removed = 0
    for (let partition = 0; partition < realm.partitions; partition++) {
      removed += (await bus.purge(subjects.mailbox(realm, partition), horizon)).removed
      const last = await bus.last(subjects.commit(realm, partition))
      removed += (await bus.purge(subjects.commit(realm, partition), Math.min(horizon, (last?.seq ?? 1) - 1))).removed
      if (store.partition(partition) !== undefined) await store.trimHistory(partition, horizon)
    }
    removed += (await bus.purge(`${realm.name}.ev.>`, Math.min(horizon, heard))).removed
    removed += (await bus.purge(`${realm.name}.re.>`, horizon)).removed
    trimmed = orderOf(bus).boundOf(horizon)
    trace({ is: 'trimmed', upTo: horizon, removed })
    return removed
  }

  /** How long to wait for the next. One that fails has changed nothing, and is tried again sooner. */
  async function round(): Promise<number> {
    try {
      await trim()
      failures = 0
      return options.trimEveryMs
    } catch (error) {
      const retryMs = Math.min(options.trimEveryMs, options.retryMs * 2 ** Math.min(++failures, 30))
      if (!stopped) trace({ is: 'trim.failed', fault: storedFaultOf(error), failures, retryMs })
      return retryMs
    }
  }

  function again(pauseMs: number): void {
    if (stopped) return
    alarm = clock.at(clock.now() + pauseMs, () => {
      running = round().then(again)
    })
  }

  return {
    start() {
      serving = bus.serve(subjects.trim(realm, tokenOf(options.name)), async (data) =>
        encodeTrimAnswer(await part(decodeTrimAsk(data))),
      )
      again(options.trimEveryMs)
    },
    async stop() {
      stopped = true
      serving?.stop()
      alarm?.cancel()
      await running
    },
    trim,
  }
}
