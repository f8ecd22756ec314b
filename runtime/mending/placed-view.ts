/**
 * The log by positions for those who only look at it, send to it or mend parked envelopes: what
 * nodes tell them (where an event stands, how far a partition is) is found there, also behind a
 * mending. It serves the clause "how far it has read". Invariant: nothing is looked up by a table
 * that was replaced before the newest claim that was heard, because the first that nodes do behind
 * a mending is to claim.
 */
import { subjects } from '#protocol/subject.ts'
import type { Bus, LogEntry, Reading, ReadOptions } from '#runtime/bus.ts'
import { type Clock, pause } from '#runtime/clock.ts'
import { isSameTable } from '#runtime/core/mend-row.ts'
import { placedLogOf } from './placed-log.ts'

type World = { readonly bus: Bus; readonly clock: Clock }

export async function openPlacedView(
  { bus: raw, clock }: World,
  { retryMs }: { readonly retryMs: number },
): Promise<Bus> {
  const placed = await placedLogOf({ bus: { ...raw, read: readGated }, clock }, { retryMs })
  const { bus } = placed
  /** Since then the server may have come back with less. */
  let wasAway = false
  /** What may have happened since counts up; the table is as new as this. */
  let hints = 0
  let seen = 0
  let looking: Promise<void> | undefined
  let following: Promise<void> | undefined

  async function look(): Promise<void> {
    const before = hints
    const row = await placed.look()
    // One that is not ended says where everything stands that was appended so far, and no more.
    if (row?.isOpen !== true) seen = before
    const isPart = row?.isOpen === true || placed.table?.isOpen === true
    if (isPart || !isSameTable(row, placed.table)) placed.adopt(row)
  }

  async function fresh(): Promise<void> {
    if (seen === hints) return
    looking ??= look().finally(() => (looking = undefined))
    await looking
  }

  /** A look that begins after this, which all share who ask for one meanwhile. */
  function lookAnew(): Promise<void> {
    following ??= Promise.resolve(looking)
      .catch(() => undefined)
      .then(() => {
        following = undefined
        return (looking ??= look().finally(() => (looking = undefined)))
      })
    return following
  }

  /**
   * What is appended again stands behind its table, so a look after it came knows whether it is
   * such; and then readings begin again by that table.
   */
  async function readGated(options: ReadOptions): Promise<Reading> {
    let waiting: LogEntry[] = []
    let isHanding = false
    let isStopped = false

    async function handOn(): Promise<void> {
      isHanding = true
      while (waiting.length > 0 && !isStopped) {
        const come = waiting
        waiting = []
        while (!isStopped && !(await isLooked())) await pause(clock, retryMs)
        for (const entry of come) if (!isStopped) options.onEntry(entry)
      }
      isHanding = false
    }

    const reading = await raw.read({
      ...options,
      onEntry(entry) {
        if (!wasAway && waiting.length === 0 && !isHanding) return options.onEntry(entry)
        waiting.push(entry)
        if (!isHanding) void handOn()
      },
    })
    return {
      ...reading,
      stop() {
        isStopped = true
        return reading.stop()
      },
    }
  }

  async function isLooked(): Promise<boolean> {
    try {
      await lookAnew()
      return true
    } catch {
      return false
    }
  }

  /** Also for readings that go on: they begin again where they are. */
  function hint(): void {
    hints++
    fresh().catch(() => undefined)
  }

  const hearing = raw.hear(subjects.claimed(raw.realm, '*'), hint)
  let isFirst = true
  const watching = raw.onState((state) => {
    if (!isFirst && state !== 'connected') wasAway = true
    if (!isFirst && state === 'connected') hint()
    isFirst = false
  })

  async function close(): Promise<void> {
    hearing.stop()
    watching.stop()
    await raw.close()
  }

  return {
    ...bus,
    read: (options) => fresh().then(() => bus.read(options)),
    last: (subject) => fresh().then(() => bus.last(subject)),
    get: (position) => fresh().then(() => bus.get(position)),
    next: (subject, from) => fresh().then(() => bus.next(subject, from)),
    lastMatching: (filter) => fresh().then(() => bus.lastMatching(filter)),
    purge: (filter, upTo) => fresh().then(() => bus.purge(filter, upTo)),
    removeEntry: (position) => fresh().then(() => bus.removeEntry(position)),
    logState: () => fresh().then(() => bus.logState()),
    close,
    [Symbol.asyncDispose]: close,
  }
}
