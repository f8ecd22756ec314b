/**
 * Hands emitted events to the actors that subscribed to them. Subscriptions and their positions
 * are part of the actors' state, so an event is taken exactly once and a late joiner reads from
 * where it asked; nothing is written to the log again. One reading of `ev.>` serves the node.
 *
 * What is emitted goes through no mailbox, so it could reach a partition ahead of the marker of a
 * cut that its emitter has recorded already: an effect without its cause. Invariant: before an
 * event is handed to a partition, that one was told of every cut that began ahead of it in the log.
 */
import type { Address } from '#protocol/address.ts'
import { isFault } from '#protocol/fault.ts'
import { partitionOf } from '#protocol/partition.ts'
import { matches, parseStored, subjects, topicOf } from '#protocol/subject.ts'
import type { Subscription } from '#protocol/state.ts'
import type { Bus, LogEntry, Reading } from '#runtime/bus.ts'
import { type Clock, pause } from '#runtime/clock.ts'
import type { Arrival } from '#runtime/core/arrival.ts'
import { emittedOf } from '#runtime/core/emitted.ts'
import { readThrough } from './read-through.ts'

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
  /** A cut began: the position of the first partition's marker, which those of the others follow. */
  readonly onCut: (cut: string, firstMarker: number) => void
  /** Up to where all partitions here have read their mailboxes, and so the markers in them. */
  readonly cursor: () => number
}

export function topicsOf(
  { bus, clock, arrive, onCut, cursor }: World,
  { retryMs }: { readonly retryMs: number },
): Topics {
  const patterns = new Map<string, Map<Address, number>>()
  const known = new Map<Address, readonly Subscription[]>()
  /** Partitions that were told of the cuts since their cursors. */
  const joined = new Set<number>()
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
    if (stored.is === 'cut') onCut(stored.cut, entry.seq + 1)
    if (stored.is !== 'ev') return
    const subject = topicOf(entry.subject)
    for (const [pattern, addresses] of patterns) {
      if (!matches(pattern, subject)) continue
      const event = emittedOf(entry.data)
      const told = 'origin' in event ? event : { ...event, origin: stored.address }
      for (const [address, from] of addresses)
        if (entry.seq > from) arrive({ by: 'topic', address, pattern, event: told, seq: entry.seq })
    }
  }

  /** A subscription that begins before the reading's position makes it begin again there, and so does one of a partition that is new here. */
  function readFrom(seq: number, isNew: boolean): void {
    if ((seq >= position && !isNew) || stopped) return
    position = Math.min(position, seq)
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
        await lookBack()
        return await bus.read({
          filter: `${bus.realm.name}.ev.>`,
          from: position,
          onEntry: (entry) => (mine === life ? onEntry(entry) : undefined),
        })
      } catch (error) {
        // A connection that is closed ends the node by itself.
        if (!isFault(error) || error.verdict !== 'retry') return undefined
        await pause(clock, retryMs)
      }
    }
    return undefined
  }

  /** The cuts that began ahead of where the reading begins, and that somebody here may not have met. */
  async function lookBack(): Promise<void> {
    const filter = subjects.topicMarkers(bus.realm)
    const from = cursor() + 1
    if (from >= position) return
    await readThrough(
      bus,
      filter,
      ({ subject, seq }) => {
        const stored = parseStored(subject)
        if (stored.is === 'cut') onCut(stored.cut, seq + 1)
        return seq < position
      },
      from,
    )
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
    const partition = partitionOf(address, bus.realm.partitions)
    const isNew = subscriptions.length > 0 && !joined.has(partition)
    if (isNew) joined.add(partition)
    for (const { pattern, from } of subscriptions) {
      const addresses = patterns.get(pattern) ?? new Map<Address, number>()
      const fresh = !addresses.has(address)
      addresses.set(address, from)
      patterns.set(pattern, addresses)
      if (fresh || isNew) readFrom(from + 1, isNew)
    }
  }

  return {
    set,
    drop(partition) {
      joined.delete(partition)
      for (const address of known.keys()) if (partitionOf(address, bus.realm.partitions) === partition) set(address, [])
    },
    async stop() {
      stopped = true
      // What waits for a server that is away ends by itself; nobody has to wait for that.
      await reading?.stop()
    },
  }
}
