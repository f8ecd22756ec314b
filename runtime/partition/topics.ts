/**
 * Hands emitted events to the actors that subscribed to them. Subscriptions and their positions
 * are part of the actors' state, so an event is taken exactly once and a late joiner reads from
 * where it asked; nothing is written to the log again. One reading of `ev.>` serves the node.
 */
import type { Address } from '#protocol/address.ts'
import { isFault } from '#protocol/fault.ts'
import { partitionOf } from '#protocol/partition.ts'
import { matches, parseStored } from '#protocol/subject.ts'
import type { Subscription } from '#protocol/state.ts'
import type { Bus, LogEntry, Reading } from '#runtime/bus.ts'
import type { Clock } from '#runtime/clock.ts'
import type { Arrival } from '#runtime/core/arrival.ts'
import { emittedOf } from '#runtime/core/emitted.ts'

export type Topics = {
  /** The actor's subscriptions as they are now; none: it is forgotten. */
  set(address: Address, subscriptions: readonly Subscription[]): void
  /** Its owner let it go: whoever takes it up says anew where its actors stand. */
  drop(partition: number): void
  stop(): Promise<void>
}

type World = {
  readonly bus: Bus
  readonly clock: Clock
  readonly arrive: (arrival: Extract<Arrival, { by: 'topic' }>) => void
}

export function topicsOf({ bus, clock, arrive }: World, { retryMs }: { readonly retryMs: number }): Topics {
  const patterns = new Map<string, Map<Address, number>>()
  const known = new Map<Address, readonly Subscription[]>()
  let reading: Reading | undefined
  let position = Number.POSITIVE_INFINITY
  /** Which reading counts: what an earlier one still hands on would move the position past what is missing. */
  let life = 0
  let changing = Promise.resolve()
  let stopped = false

  function onEntry(entry: LogEntry): void {
    if (entry.seq < position) return
    position = entry.seq + 1
    const stored = parseStored(entry.subject)
    if (stored.is !== 'ev') return
    const subject = entry.subject.slice(bus.realm.name.length + 4)
    for (const [pattern, addresses] of patterns) {
      if (!matches(pattern, subject)) continue
      const event = emittedOf(entry.data)
      const told = 'origin' in event ? event : { ...event, origin: stored.address }
      for (const [address, from] of addresses)
        if (entry.seq > from) arrive({ by: 'topic', address, pattern, event: told, seq: entry.seq })
    }
  }

  /** A subscription that begins before the reading's position makes it begin again there. */
  function readFrom(seq: number): void {
    if (seq >= position || stopped) return
    position = seq
    const mine = ++life
    changing = changing.then(async () => {
      if (stopped || mine !== life) return
      await reading?.stop()
      reading = await open(mine)
      if (stopped) await reading?.stop()
    })
  }

  /** Until it succeeds: whoever subscribed is not there to be told that it did not. */
  async function open(mine: number): Promise<Reading | undefined> {
    while (!stopped) {
      try {
        return await bus.read({
          filter: `${bus.realm.name}.ev.>`,
          from: position,
          onEntry: (entry) => (mine === life ? onEntry(entry) : undefined),
        })
      } catch (error) {
        // A connection that is closed ends the node by itself.
        if (!isFault(error) || error.verdict !== 'retry') return undefined
        await new Promise<void>((resolve) => clock.at(clock.now() + retryMs, resolve))
      }
    }
    return undefined
  }

  function set(address: Address, subscriptions: readonly Subscription[]): void {
    if (known.get(address) === subscriptions) return
    for (const before of known.get(address) ?? []) {
      if (subscriptions.some((one) => one.pattern === before.pattern)) continue
      const addresses = patterns.get(before.pattern)
      addresses?.delete(address)
      if (addresses?.size === 0) patterns.delete(before.pattern)
    }
    if (subscriptions.length === 0) known.delete(address)
    else known.set(address, subscriptions)
    for (const { pattern, from } of subscriptions) {
      const addresses = patterns.get(pattern) ?? new Map<Address, number>()
      const fresh = !addresses.has(address)
      addresses.set(address, from)
      patterns.set(pattern, addresses)
      if (fresh) readFrom(from + 1)
    }
  }

  return {
    set,
    drop(partition) {
      for (const address of known.keys()) if (partitionOf(address, bus.realm.partitions) === partition) set(address, [])
    },
    async stop() {
      stopped = true
      // What waits for a server that is away ends by itself; nobody has to wait for that.
      await reading?.stop()
    },
  }
}
