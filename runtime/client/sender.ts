/**
 * Sends events from outside: each acknowledged, in pipelines with a window, in order. It serves
 * the clause "an envelope arrives on a subject". Invariants: what is sent again after an unknown
 * outcome carries the same session and number, so its receiver takes it once; nothing is sent
 * past an unknown one until that is settled, so the order of one sender holds.
 */
import { type Address, rootOf } from '#protocol/address.ts'
import { type AnyEvent, encodeOutside, type OutsideNote } from '#protocol/envelope.ts'
import { Fault, isFault } from '#protocol/fault.ts'
import { limits } from '#protocol/limits.ts'
import { subjects } from '#protocol/subject.ts'
import type { Bus, Entry } from '#runtime/bus.ts'
import type { Clock } from '#runtime/clock.ts'

export type SenderOptions = {
  /** Sends that may be unacknowledged at once. */
  readonly windowMost: number
  /** After this long without an acknowledgement a send is given up; whether it was stored is unknown. */
  readonly sendTimeoutMs: number
  readonly retryMs: number
}

export type Sender = {
  send(address: Address, event: AnyEvent | null, note: OutsideNote): Promise<{ readonly seq: number }>
  readonly inFlight: number
}

type Item = {
  readonly entry: Entry
  readonly giveUpAt: number
  readonly done: (placed: { seq: number }) => void
  readonly failed: (error: unknown) => void
}

export function senderOf({ bus, clock }: { readonly bus: Bus; readonly clock: Clock }, session: string, options: SenderOptions): Sender {
  let count = 0
  let inFlight = 0
  const waiting: Item[] = []
  let unknown: Item[] = []
  let repairing = false
  let batching = false
  const together = bus.durability === 'power'

  function pump(): void {
    if (repairing) return
    if (together) return void batch()
    while (waiting.length > 0 && inFlight < options.windowMost) {
      const item = waiting.shift() as Item
      inFlight++
      bus.append(item.entry).then(
        (placed) => settle(item, placed),
        (error: unknown) => fail([item], error),
      )
    }
  }

  /** With an fsync before each acknowledgement, what is sent at the same time shares one. */
  async function batch(): Promise<void> {
    if (batching) return
    batching = true
    try {
      // One turn later, so that a loop of sends becomes one batch.
      await Promise.resolve()
      while (waiting.length > 0 && !repairing) {
        const items = waiting.splice(0, limits.batchEntries - 1)
        inFlight += items.length
        try {
          const { seq } = await bus.appendAll(items.map((item) => item.entry))
          items.forEach((item, index) => settle(item, { seq: seq - items.length + 1 + index }))
        } catch (error) {
          fail(items, error)
        }
      }
    } finally {
      batching = false
    }
  }

  function settle(item: Item, placed: { seq: number }): void {
    inFlight--
    item.done(placed)
    if (repairing) void repair()
    else if (waiting.length > 0) pump()
  }

  function fail(items: readonly Item[], error: unknown): void {
    inFlight -= items.length
    const isUnknown = isFault(error, 'bus.timeout') || isFault(error, 'bus.unreachable')
    if (isUnknown) {
      unknown.push(...items)
      repairing = true
    } else {
      // The server said no: nothing was stored, and the caller decides.
      for (const item of items) item.failed(error)
    }
    if (repairing) void repair()
    else pump()
  }

  let repairRuns = false
  /** Once everything in flight is settled: the unknown ones again, in their order, one by one. */
  async function repair(): Promise<void> {
    if (repairRuns || inFlight > 0) return
    repairRuns = true
    try {
      while (unknown.length > 0) {
        const item = unknown[0] as Item
        if (clock.now() > item.giveUpAt) {
          unknown = unknown.slice(1)
          item.failed(new Fault('bus.timeout', { ms: options.sendTimeoutMs }))
          continue
        }
        try {
          item.done(await bus.append(item.entry))
          unknown = unknown.slice(1)
        } catch (error) {
          if (isFault(error, 'bus.timeout') || isFault(error, 'bus.unreachable')) {
            await new Promise<void>((resolve) => clock.at(clock.now() + options.retryMs, resolve))
          } else {
            unknown = unknown.slice(1)
            item.failed(error)
          }
        }
      }
    } finally {
      repairRuns = false
      repairing = false
    }
    pump()
  }

  return {
    get inFlight() {
      return inFlight + waiting.length + unknown.length
    },
    send(address, event, note) {
      const root = rootOf(address)
      const child = address.length > root.length ? { child: address.slice(root.length) } : {}
      const data = encodeOutside(event, { ...note, session, n: ++count, ...child })
      const limit = Math.floor(bus.maxPayload / 2)
      if (data.length > limit) return Promise.reject(new Fault('event.tooBig', { value: event?.type, size: data.length, limit }))
      return new Promise((done, failed) => {
        waiting.push({ entry: { subject: subjects.to(bus.realm, root), data }, giveUpAt: clock.now() + options.sendTimeoutMs, done, failed })
        pump()
      })
    },
  }
}
