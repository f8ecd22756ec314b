/**
 * Planted bugs of taking cuts: each takes one rule of the algorithm away from a node, by what the
 * node sees of the world. Checkers that find nothing wrong with the cuts of these would find
 * nothing wrong with any.
 */
import { decode, encode } from '#protocol/codec.ts'
import { type CutSlice, decodeSlice, encodeSlice } from '#protocol/cut.ts'
import { decodeEnvelope, encodeEnvelope } from '#protocol/envelope.ts'
import { type Book, decodeState, stateArrayOf } from '#protocol/state.ts'
import { parseStored, subjects } from '#protocol/subject.ts'
import type { Bus, Entry, LogEntry, Placed, ReadOptions } from '#runtime/bus.ts'
import type { Clock } from '#runtime/clock.ts'
import { readThrough } from '#runtime/partition/read-through.ts'
import type { Store } from '#store/store.ts'
import { bundleOfRows, rowsOfBundle, type SliceRow } from '#test/support/slice-rows.ts'
import type { Mutation, Plant } from '#test/support/sim/process.ts'

const isMailbox = (filter: string): boolean => /\.in\.\d+\.>$/.test(filter)
const isTopics = (filter: string): boolean => filter.endsWith('.ev.>')
const isTopicMarker = ({ subject }: LogEntry): boolean => parseStored(subject).is === 'cut'

/** The document of a slice says something else than what was recorded. */
function misrecorded(change: (slice: CutSlice, bus: Bus) => CutSlice | Promise<CutSlice>): Plant {
  return () => ({
    bus: (bus) => ({
      ...bus,
      cuts: {
        ...bus.cuts,
        async put(name, bytes) {
          const isSlice = /^cut\.[^.]+\.\d+$/.test(name)
          await bus.cuts.put(name, isSlice ? encodeSlice(await change(decodeSlice(bytes), bus)) : bytes)
        },
      },
      // Whoever takes the cut reads it there.
      tell(subject, data) {
        if (subject !== subjects.cutSliced(bus.realm)) return bus.tell(subject, data)
        const [cut, partition, , failure] = decode(data) as unknown[]
        bus.tell(subject, encode([cut, partition, null, failure]))
      },
    }),
  })
}

async function positions(bus: Bus, filter: string): Promise<readonly { seq: number; sender: unknown }[]> {
  const found: { seq: number; sender: unknown }[] = []
  await readThrough(bus, filter, ({ seq, subject }) => {
    const stored = parseStored(subject)
    if (stored.is === 'in' && stored.sender !== 'm') found.push({ seq, sender: stored.sender })
    return true
  })
  return found
}

function moved(slice: CutSlice, by: Partial<Pick<CutSlice['position'], 'seq' | 'cursor' | 'marks'>>): CutSlice {
  return { ...slice, position: { ...slice.position, ...by } }
}

/** The rows of a slice are others than those of its view. */
function misread(change: (row: SliceRow) => SliceRow | undefined, when: 'always' | 'since' = 'always'): Plant {
  return () => ({
    store: (store) => ({
      ...store,
      slice(partition) {
        const slice = store.slice(partition)
        return {
          ...slice,
          async *bundles(since) {
            for await (const bundle of slice.bundles(since))
              if (when === 'since' && since === undefined) yield bundle
              else yield* bundleOfRows(rowsOfBundle(bundle).flatMap((row) => change(row) ?? []))
          },
        }
      },
    }),
  })
}

function without(field: keyof Book): (row: SliceRow) => SliceRow {
  return (row) => {
    if (row.state === undefined) return row
    const state = decodeState(row.state)
    const { [field]: _, ...book } = state.book
    return { ...row, state: encode(stateArrayOf({ ...state, book })) }
  }
}

/** Nobody is told of markers ahead, and readers get them so many entries later. */
function lateMarkers(entries: number): Mutation {
  function late(options: ReadOptions): ReadOptions {
    const held: { readonly entry: LogEntry; left: number }[] = []
    return {
      ...options,
      onEntry(entry) {
        const stored = parseStored(entry.subject)
        if (stored.is === 'in' && stored.sender === 'm') return void held.push({ entry, left: entries })
        options.onEntry(entry)
        for (const one of held) one.left--
        for (const { entry: due } of held.filter(({ left }) => left === 0)) options.onEntry(due)
      },
    }
  }
  return {
    bus: (bus) => {
      const untold = unheralded(bus)
      return { ...untold, read: (options) => untold.read(isMailbox(options.filter) ? late(options) : options) }
    },
  }
}

/** Markers are met in the mailboxes alone. */
function unheralded(bus: Bus): Bus {
  return {
    ...withoutTopicMarkers(bus),
    hear: (subject, on) => bus.hear(subject, subject === subjects.cutCalled(bus.realm) ? () => undefined : on),
  }
}

function withoutTopicMarkers(bus: Bus): Bus {
  return {
    ...bus,
    read: (options) =>
      bus.read(
        isTopics(options.filter)
          ? // It comes as something that nobody hears: whoever reads to the end waits for the last entry.
            { ...options, onEntry: (entry) => options.onEntry(isTopicMarker(entry) ? unheard(entry) : entry) }
          : options,
      ),
    lastMatching: (filter) =>
      filter === subjects.topicMarkers(bus.realm) ? Promise.resolve(undefined) : bus.lastMatching(filter),
  }
}

/** No bug, but bad luck: nobody is told that a cut began, and mailboxes are far behind what is emitted. */
export const slowMailboxes: Plant = () => ({
  bus: (bus, clock) => ({
    ...bus,
    hear: (subject, on) => bus.hear(subject, subject === subjects.cutCalled(bus.realm) ? () => undefined : on),
    read: (options) =>
      bus.read(
        isMailbox(options.filter)
          ? { ...options, onEntry: (entry) => void clock.at(clock.now() + 60, () => options.onEntry(entry)) }
          : options,
      ),
  }),
})

function unheard(entry: LogEntry): LogEntry {
  return { ...entry, subject: `${entry.subject.split('.')[0]}.ev.x.y.z` }
}

const recentMost = 8

/** What went from actor to actor is stored again right behind the markers, as after commits whose outcome was unknown. */
export function copying(bus: Bus): Bus {
  let recent: Entry[] = []

  async function append(entries: readonly Entry[]): Promise<Placed> {
    const placed = await (entries.length === 1 ? bus.append(entries[0] as Entry) : bus.appendAll(entries))
    for (const { subject, data } of entries) {
      const stored = parseStored(subject)
      if (stored.is === 'cut') for (const copy of recent) void bus.append(copy).catch(() => undefined)
      if (stored.is !== 'in' || typeof stored.sender !== 'number') continue
      const copy = { subject, data: encodeEnvelope(decodeEnvelope(stored.address, data).envelope) }
      recent = [...recent, copy].slice(-recentMost)
    }
    return placed
  }

  return { ...bus, append: (entry) => append([entry]), appendAll: append }
}

/** A view that shows what was folded after it was opened. */
const lateView: Plant = () => {
  let clock: Clock | undefined
  return {
    clock: (given) => (clock = given),
    store: (store: Store) => ({
      ...store,
      slice(partition) {
        const slice = store.slice(partition)
        return {
          ...slice,
          async *bundles(since) {
            await new Promise<void>((resolve) => clock?.at(clock.now() + 400, resolve))
            yield* store.slice(partition).bundles(since)
          },
        }
      },
    }),
  }
}

export const cutPlants: Readonly<Record<string, Plant>> = {
  'a partition records some envelopes behind its marker': () => lateMarkers(3),
  'nobody is told of a cut by what is emitted': () => ({ bus: unheralded }),
  'a channel begins one envelope too late': misrecorded(async (slice, bus) => {
    const all = await positions(bus, subjects.mailbox(bus.realm, slice.partition))
    const next = all.find(({ seq }) => seq > slice.position.cursor)
    return next === undefined ? slice : moved(slice, { cursor: next.seq })
  }),
  'a channel begins one envelope too early': misrecorded(async (slice, bus) => {
    const all = await positions(bus, subjects.mailbox(bus.realm, slice.partition))
    const last = all.findLast(({ seq }) => seq <= slice.position.cursor)
    return last === undefined ? slice : moved(slice, { cursor: last.seq - 1, marks: {} })
  }),
  'a channel ends one envelope too early': misrecorded(async (slice, bus) => {
    const all = await positions(bus, subjects.sentBy(bus.realm, slice.partition))
    const last = all.findLast(({ seq }) => seq < slice.position.seq)
    return last === undefined ? slice : moved(slice, { seq: last.seq })
  }),
  'a channel ends too late': misrecorded((slice) => moved(slice, { seq: slice.position.seq + 40 })),
  'what comes from outside behind the marker is in flight': misrecorded((slice) => ({
    ...slice,
    marker: slice.marker + 40,
  })),
  'copies are counted': (random) => {
    const forgetting = misrecorded((slice) => moved(slice, { marks: {} }))(random)
    return { bus: (bus, clock) => copying(forgetting.bus?.(bus, clock) ?? bus) }
  },
  'what subscribers have not heard is forgotten': misrecorded((slice) => ({ ...slice, unheard: [] })),
  'a timer is forgotten': misread(without('timers')),
  'the instant of a timer is forgotten': misread((row) => ({
    ...row,
    needs: Object.fromEntries(Object.entries(row.needs).filter(([name]) => name !== 'due')),
  })),
  'a pending effect is forgotten': misread(without('effects')),
  'what changed since the last cut is forgotten': misread(() => undefined, 'since'),
  'a view shows what was folded later': lateView,
}
