/**
 * What has arrived at a partition and was not stepped yet: entries of its mailbox, and arrivals
 * that never were on the log. It serves "receive". Invariant: it holds a bounded number of
 * entries; past that the reading pauses, and the rest waits on the log.
 */
import { type Address, kindOf } from '#protocol/address.ts'
import { parseStored } from '#protocol/subject.ts'
import type { Bus, LogEntry, Reading } from '#runtime/bus.ts'
import type { Arrival } from '#runtime/core/arrival.ts'
import { queueOf } from '#runtime/core/queue.ts'

export type Inbox = {
  readonly length: number
  push(arrival: Arrival): void
  /** What its own node has to say comes first; it is little. */
  next(): { readonly entry: LogEntry } | { readonly arrival: Arrival } | undefined
  /** Reads on when enough was taken. */
  relax(): void
  /** Waiting envelopes by actor. */
  depths(): ReadonlyMap<Address, number>
  read(
    bus: Bus,
    options: { readonly filter: string; readonly from: number; readonly onRepair: (reason: string) => void },
  ): Promise<void>
  /** No more is read; what was read and not taken is still on the log. */
  stop(): Promise<void>
}

/** Of a mailbox entry, its kind, when that is one of those; mostly there are none. */
export function lackingKind(subject: string, kinds: ReadonlySet<string>): string | undefined {
  if (kinds.size === 0) return undefined
  const stored = parseStored(subject)
  if (stored.is !== 'in') return undefined
  const kind = kindOf(stored.address)
  return kinds.has(kind) ? kind : undefined
}

export function inboxOf(queueMost: number, onArrived: () => void): Inbox {
  const entries = queueOf<LogEntry>()
  const arrivals = queueOf<Arrival>()
  let reading: Reading | undefined
  let isPaused = false
  let isStopped = false

  function onEntry(entry: LogEntry): void {
    if (isStopped) return
    entries.push(entry)
    if (!isPaused && entries.length > queueMost) {
      isPaused = true
      reading?.pause()
    }
    onArrived()
  }

  return {
    get length() {
      return entries.length + arrivals.length
    },
    push(arrival) {
      arrivals.push(arrival)
      onArrived()
    },
    next() {
      const arrival = arrivals.shift()
      if (arrival !== undefined) return { arrival }
      const entry = entries.shift()
      return entry === undefined ? undefined : { entry }
    },
    relax() {
      if (!isPaused || entries.length >= queueMost / 2) return
      isPaused = false
      reading?.resume()
    },
    depths() {
      const counts = new Map<Address, number>()
      for (const entry of entries) {
        const stored = parseStored(entry.subject)
        if (stored.is === 'in') counts.set(stored.address, (counts.get(stored.address) ?? 0) + 1)
      }
      return counts
    },
    async read(bus, options) {
      reading = await bus.read({ ...options, onEntry })
      if (isStopped) await reading.stop()
    },
    async stop() {
      isStopped = true
      entries.clear()
      await reading?.stop()
    },
  }
}
