/**
 * Keeps the log from growing for ever. Invariants: nothing at or past the horizon is purged, and
 * the horizon is the least of all partitions' durable bases and cursors; the last entry of
 * `commit.<p>` is never purged, nor an emitted event that a subscriber has not heard; a history
 * window is kept behind it. Bases are uploaded before the log forgets what they hold, so a lost
 * store can always be rebuilt.
 */
import { storedFaultOf } from '#protocol/fault.ts'
import { subjects } from '#protocol/subject.ts'
import type { FoldedPartition, Store } from '#store/store.ts'
import { removeBasesBelow, uploadBases } from './bases.ts'
import type { Bus } from './bus.ts'
import type { Clock } from './clock.ts'
import { heardThrough } from './heard.ts'
import { lastRecordSeq } from './last-record.ts'
import { trace } from './trace.ts'

export type TrimOptions = {
  readonly trimEveryMs: number
  readonly retryMs: number
  /** What is younger stays, as long as the log is smaller than `historyBytes`. */
  readonly historyMs: number
  readonly historyBytes: number
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
}

export function openTrimmer({ bus, store, clock, positions }: World, options: TrimOptions): Trimmer {
  let alarm: { cancel(): void } | undefined
  let running: Promise<unknown> = Promise.resolve()
  let stopped = false
  /** The horizon of the last round: entries that are always kept stay below it. */
  let trimmed = 0
  let failures = 0

  async function trim(): Promise<number> {
    const state = await bus.logState()
    const upTo = await windowEnd(state)
    if (upTo <= state.firstSeq) return 0
    const owned = positions()
    // Only an owner of all partitions knows the horizon of all.
    if (owned.length < bus.realm.partitions) return 0
    const bounds = await Promise.all(owned.map((one) => boundOf(one, state.lastSeq)))
    const horizon = Math.min(upTo, ...bounds)
    const begin = Math.max(state.firstSeq, trimmed)
    if (horizon - begin < (state.lastSeq - begin) * leastShare) return 0
    const uploaded = await uploadBases(
      { bus, store },
      owned.map(({ partition }) => partition),
    )
    let removed = 0
    for (const { partition } of owned) {
      removed += (await bus.purge(subjects.mailbox(bus.realm, partition), horizon)).removed
      const last = await bus.last(subjects.commit(bus.realm, partition))
      removed += (await bus.purge(subjects.commit(bus.realm, partition), Math.min(horizon, (last?.seq ?? 1) - 1)))
        .removed
      await store.trimHistory(partition, horizon)
    }
    const heard = await heardThrough(
      { bus, store },
      owned.map(({ partition }) => partition),
    )
    removed += (await bus.purge(`${bus.realm.name}.ev.>`, Math.min(horizon, heard))).removed
    removed += (await bus.purge(`${bus.realm.name}.re.>`, horizon)).removed
    await removeBasesBelow(bus, uploaded)
    trimmed = horizon
    trace({ is: 'trimmed', upTo: horizon, removed })
    return removed
  }

  /** How far this partition needs nothing of the log any more. One at rest holds nobody back. */
  async function boundOf({ partition, cursor }: FoldedPartition, lastSeq: number): Promise<number> {
    const folded = store.partition(partition)?.seq ?? 0
    const record = await lastRecordSeq(bus, partition)
    const arrived = (await bus.lastMatching(subjects.mailbox(bus.realm, partition))) ?? 0
    return Math.min(record > folded ? folded : lastSeq, arrived > cursor ? cursor : lastSeq)
  }

  /** The last sequence outside the window: by age, or sooner when the log is too big. */
  async function windowEnd(state: {
    readonly firstSeq: number
    readonly lastSeq: number
    readonly bytes: number
  }): Promise<number> {
    const byAge = await lastBefore(clock.now() - options.historyMs, state)
    if (state.bytes <= options.historyBytes) return byAge
    const share = 1 - options.historyBytes / state.bytes
    return Math.max(byAge, Math.floor(state.firstSeq + (state.lastSeq - state.firstSeq) * share))
  }

  async function lastBefore(
    instant: number,
    state: { readonly firstSeq: number; readonly lastSeq: number },
  ): Promise<number> {
    let low = state.firstSeq - 1
    let high = state.lastSeq
    while (low < high) {
      const middle = Math.ceil((low + high) / 2)
      const entry = await nextFrom(middle, high)
      // Nothing stands there any more: it was trimmed, so it is older than what is left.
      if (entry !== undefined && entry.at >= instant) high = middle - 1
      else low = middle
    }
    return low
  }

  /** Sequences may be missing where something was purged or removed. */
  async function nextFrom(seq: number, most: number): Promise<{ readonly at: number } | undefined> {
    for (let at = seq; at <= most && at < seq + 64; at++) {
      const entry = await bus.get(at)
      if (entry !== undefined) return entry
    }
    return undefined
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
    start: () => again(options.trimEveryMs),
    async stop() {
      stopped = true
      alarm?.cancel()
      await running
    },
    trim,
  }
}
