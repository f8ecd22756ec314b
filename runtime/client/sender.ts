/**
 * Sends events from outside: each acknowledged, in pipelines with a window, in order. It serves
 * the clause "an envelope arrives on a subject". Invariants, for each partition that is sent to:
 *
 * - Numbers count up by one, and each envelope says which of them is the lowest that is not
 *   settled yet (its floor). The receiver takes the next number, or one whose predecessors are
 *   all settled; anything else is a copy, or came too early and will come again.
 * - Sends are settled in order: one that is stored waits for those before it, and when one of
 *   them fails, everything after it is sent again with the floor moved on.
 */
import { type Address, rootOf } from '#protocol/address.ts'
import { type AnyEvent } from '#protocol/envelope.ts'
import { encodeOutside, type OutsideNote } from '#protocol/outside.ts'
import { Fault, isFault } from '#protocol/fault.ts'
import { limits } from '#protocol/limits.ts'
import { partitionOf } from '#protocol/partition.ts'
import { subjects } from '#protocol/subject.ts'
import type { Bus, Entry } from '#runtime/bus.ts'
import { type Clock, pause } from '#runtime/clock.ts'
import { type Queue, queueOf } from '#runtime/core/queue.ts'
import { roughSize } from '#runtime/core/rough-size.ts'

export type SenderOptions = {
  /** Sends that may be unacknowledged at once. */
  readonly windowMost: number
  /** After this long without an acknowledgement a send is given up; whether it was stored is unknown. */
  readonly sendTimeoutMs: number
  readonly retryMs: number
}

type Placed = { readonly seq: number }

export type Sender = {
  send(address: Address, event: AnyEvent | null, note: OutsideNote): Promise<Placed>
  readonly inFlight: number
}

type Item = {
  readonly lane: Lane
  readonly n: number
  readonly address: Address
  readonly event: AnyEvent | null
  readonly note: OutsideNote
  readonly giveUpAt: number
  readonly done: (placed: Placed) => void
  readonly failed: (error: unknown) => void
  is: 'waiting' | 'sent' | 'stored' | 'unknown' | 'refused'
  placed: Placed | undefined
  error: unknown
}

/** What goes to one partition. */
type Lane = {
  count: number
  /** Not settled, in order. */
  readonly items: Queue<Item>
  sent: number
  isBroken: boolean
  isRepairing: boolean
}

export function senderOf(
  { bus, clock }: { readonly bus: Bus; readonly clock: Clock },
  session: string,
  options: SenderOptions,
): Sender {
  const lanes = new Map<number, Lane>()
  const waiting = queueOf<Item>()
  const limit = Math.floor(bus.maxPayload / 2)
  /** With an fsync before each acknowledgement, what is sent at the same time shares one. */
  const isTogether = bus.durability === 'power'
  let inFlight = 0
  let isBatching = false

  function laneOf(address: Address): Lane {
    const partition = partitionOf(address, bus.realm.partitions)
    const lane = lanes.get(partition) ?? {
      count: 0,
      items: queueOf<Item>(),
      sent: 0,
      isBroken: false,
      isRepairing: false,
    }
    lanes.set(partition, lane)
    return lane
  }

  function bytesOf({ lane, n, address, event, note }: Item, again?: boolean): Uint8Array {
    const root = rootOf(address)
    const child = address.length > root.length ? { child: address.slice(root.length) } : undefined
    const floor = lane.items.peek()?.n ?? n
    return encodeOutside(event, { ...note, session, n, floor, ...(again === true ? { again } : {}), ...child })
  }

  function entryOf(item: Item, again?: boolean): Entry {
    return { subject: subjects.to(bus.realm, rootOf(item.address)), data: bytesOf(item, again) }
  }

  function pump(): void {
    if (isTogether) return void batch()
    while (inFlight < options.windowMost) {
      const item = waiting.shift()
      if (item === undefined) return
      // A broken lane sends what waits in it by itself, once it is mended.
      if (item.lane.isBroken || item.is !== 'waiting') continue
      begin([item])
      let entry: Entry
      try {
        entry = entryOf(item)
      } catch (error) {
        // Refused like any other, so that those behind it need not wait for it.
        fail([item], error)
        continue
      }
      bus.append(entry).then(
        (placed) => end([item], () => placed),
        (error: unknown) => fail([item], error),
      )
    }
  }

  async function batch(): Promise<void> {
    if (isBatching) return
    isBatching = true
    try {
      // One turn later, so that a loop of sends becomes one batch.
      await Promise.resolve()
      while (waiting.length > 0) {
        const items: Item[] = []
        while (items.length < limits.batchEntries - 1) {
          const item = waiting.shift()
          if (item === undefined) break
          if (!item.lane.isBroken && item.is === 'waiting') items.push(item)
        }
        if (items.length === 0) break
        begin(items)
        try {
          const { seq } = await bus.appendAll(items.map((item) => entryOf(item)))
          end(items, (index) => ({ seq: seq - items.length + 1 + index }))
        } catch (error) {
          fail(items, error)
        }
      }
    } finally {
      isBatching = false
    }
  }

  function begin(items: readonly Item[]): void {
    inFlight += items.length
    for (const item of items) {
      item.is = 'sent'
      item.lane.sent++
    }
  }

  function end(items: readonly Item[], placedOf: (index: number) => Placed): void {
    inFlight -= items.length
    items.forEach((item, index) => {
      item.is = 'stored'
      item.placed = placedOf(index)
      item.lane.sent--
    })
    for (const item of items) settle(item.lane)
    if (waiting.length > 0) pump()
  }

  function fail(items: readonly Item[], error: unknown): void {
    inFlight -= items.length
    for (const item of items) {
      item.is = isUnknown(error) ? 'unknown' : 'refused'
      item.error = error
      item.lane.sent--
      item.lane.isBroken = true
    }
    for (const item of items) settle(item.lane)
    pump()
  }

  /** Everything at the head that is stored, in order; a broken lane is mended when nothing of it is under way. */
  function settle(lane: Lane): void {
    if (lane.isRepairing) return
    for (let head = lane.items.peek(); head?.is === 'stored'; head = lane.items.peek()) {
      lane.items.shift()
      head.done(head.placed as Placed)
    }
    if (lane.isBroken && lane.sent === 0) void repair(lane)
  }

  /** Nothing of this lane is under way: what is not settled goes again, in order, one by one. */
  async function repair(lane: Lane): Promise<void> {
    lane.isRepairing = true
    for (let head = lane.items.peek(); head !== undefined; head = lane.items.peek()) {
      if (head.is === 'refused') {
        lane.items.shift()
        head.failed(head.error)
      } else if (clock.now() > head.giveUpAt) {
        lane.items.shift()
        head.failed(new Fault('bus.timeout', { ms: options.sendTimeoutMs }))
      } else {
        await again(lane, head)
      }
    }
    lane.isRepairing = false
    lane.isBroken = false
    pump()
  }

  async function again(lane: Lane, item: Item): Promise<void> {
    try {
      const placed = await bus.append(entryOf(item, item.is !== 'waiting'))
      lane.items.shift()
      item.done(item.placed ?? placed)
    } catch (error) {
      if (isUnknown(error)) {
        if (item.is === 'waiting') item.is = 'unknown'
        await pause(clock, options.retryMs)
      } else {
        item.is = 'refused'
        item.error = error
      }
    }
  }

  return {
    get inFlight() {
      return [...lanes.values()].reduce((sum, lane) => sum + lane.items.length, 0)
    },
    send(address, event, note) {
      return new Promise((done, failed) => {
        const lane = laneOf(address)
        const item: Item = {
          lane,
          n: lane.count + 1,
          address,
          event,
          note,
          giveUpAt: clock.now() + options.sendTimeoutMs,
          done,
          failed,
          is: 'waiting',
          placed: undefined,
          error: undefined,
        }
        // What can never be sent takes no number; most events are tiny and need not be measured.
        const size = roughSize(event, limit / 4) < limit / 4 ? 0 : bytesOf(item).length
        if (size > limit) return failed(new Fault('event.tooBig', { value: event?.type, size, limit }))
        lane.count++
        lane.items.push(item)
        waiting.push(item)
        pump()
      })
    },
  }
}

/** The server refused for now or did not answer: whether it was stored is open, or it may be sent again. */
function isUnknown(error: unknown): boolean {
  return isFault(error, 'bus.timeout') || isFault(error, 'bus.unreachable')
}
