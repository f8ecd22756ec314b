/**
 * Planted bugs: each takes one rule of the log away from a node, by what the node sees of the
 * world, and not by a switch in the product. A simulation that finds nothing wrong with these
 * would find nothing wrong with anything.
 */
import { decodeEnvelope, encodeEnvelope } from '#protocol/envelope.ts'
import { Fault, isFault } from '#protocol/fault.ts'
import { parseStored } from '#protocol/subject.ts'
import type { Entry, LogEntry, Placed, ReadOptions } from '#runtime/bus.ts'
import { kindPlants } from './kind-mutations.ts'
import type { Mutation, Plant } from './process.ts'

/** A mailbox is read by the filter of one partition; a fold reads everything. */
const isMailbox = (filter: string): boolean => filter.includes('.in.')
const isFold = (filter: string): boolean => filter.split('.').length === 2

/** Changes what is read through the filters named; nothing: the entry never comes. */
function reading(which: (filter: string) => boolean, change: (entry: LogEntry) => LogEntry | undefined): Mutation {
  return {
    bus: (bus) => ({
      ...bus,
      read: (options) => bus.read(which(options.filter) ? changed(options, change) : options),
    }),
  }
}

function changed(options: ReadOptions, change: (entry: LogEntry) => LogEntry | undefined): ReadOptions {
  return {
    ...options,
    onEntry(entry) {
      const next = change(entry)
      if (next !== undefined) options.onEntry(next)
    },
  }
}

function appending(
  change: (entries: readonly Entry[], append: (entries: readonly Entry[]) => Promise<Placed>) => Promise<Placed>,
): Mutation {
  return {
    bus: (bus) => {
      const append = (entries: readonly Entry[]): Promise<Placed> =>
        entries.length === 1 ? bus.append(entries[0] as Entry) : bus.appendAll(entries)
      return { ...bus, append: (entry) => change([entry], append), appendAll: (entries) => change(entries, append) }
    },
  }
}

const isSent = ({ subject }: LogEntry): boolean => {
  const stored = parseStored(subject)
  return stored.is === 'in' && typeof stored.sender === 'number'
}

/** The envelope again, changed, with or without the record inside it. */
function rewritten(
  entry: LogEntry,
  numbers: { readonly n: number; readonly index: number } | undefined,
  withRecord: boolean,
): LogEntry {
  const stored = parseStored(entry.subject)
  if (stored.is !== 'in') return entry
  const { envelope, record } = decodeEnvelope(stored.address, entry.data)
  return { ...entry, data: encodeEnvelope({ ...envelope, ...numbers }, withRecord ? record : undefined) }
}

export const plants: Readonly<Record<string, Plant>> = {
  'high-water marks are ignored': () =>
    reading(isMailbox, (entry) => (isSent(entry) ? rewritten(entry, { n: entry.seq, index: 0 }, true) : entry)),

  'a fold reads commits only': () =>
    reading(isFold, (entry) => (isSent(entry) ? rewritten(entry, undefined, false) : entry)),

  'nobody is fenced': () => appending((entries, append) => append(entries.map(({ check: _, ...entry }) => entry))),

  'an unknown outcome is taken for a failure, and what comes next is grouped anew': () => {
    const forgotten = new Set<string>()
    const textOf = (data: Uint8Array): string => Buffer.from(data).toString('base64')
    const mutation = appending(async (entries, append) => {
      try {
        return await append(entries)
      } catch (error) {
        const isCommit =
          entries.some(({ check }) => check !== undefined) && !entries.some(({ subject }) => subject.includes('.e.'))
        if (!isFault(error, 'bus.timeout') || !isCommit) throw error
        for (const { data } of entries) forgotten.add(textOf(data))
        throw new Fault('bus.denied', { value: 'write' }, { cause: error })
      }
    })
    const hiding = reading(isFold, (entry) =>
      forgotten.has(textOf(entry.data)) ? { ...entry, subject: `${entry.subject.split('.')[0]}.ev.x.y.z` } : entry,
    )
    return {
      bus: (bus, clock) =>
        (hiding.bus as NonNullable<Mutation['bus']>)((mutation.bus as NonNullable<Mutation['bus']>)(bus, clock), clock),
    }
  },

  'a cursor stands one too far': () => ({
    bus: (bus) => ({
      ...bus,
      read: (options) => bus.read(isMailbox(options.filter) ? { ...options, from: options.from + 1 } : options),
    }),
  }),

  /** By what the store says of it: the log's own reader hands nothing on that lies below where it was to begin. */
  'a cursor stands one too short': () => ({
    store: (store) => ({
      ...store,
      partition(number) {
        const found = store.partition(number)
        return found === undefined ? undefined : { ...found, cursor: Math.max(0, found.cursor - 1) }
      },
    }),
  }),

  'a gap in delivery is not repaired': (random) =>
    reading(isMailbox, (entry) => (random.chance(0.01) ? undefined : entry)),

  'an entry is acknowledged before it is stored': (random) => {
    let last = 0
    return appending(async (entries, append) => {
      if (last > 0 && random.chance(0.02)) return { seq: ++last }
      const placed = await append(entries)
      last = placed.seq
      return placed
    })
  },

  'the loss of a result is not noticed': (random) =>
    appending(async (entries, append) => {
      const stored = parseStored(entries[0]?.subject ?? '')
      if (stored.is === 'in' && stored.sender === 'e' && random.chance(0.3)) return { seq: 0 }
      return await append(entries)
    }),

  'a disk forgets what it folded': (random) => ({
    store: (store) => ({
      ...store,
      fold: (folds, held) =>
        store.fold(
          folds.map((one) => (random.chance(0.1) ? { ...one, changes: one.changes.slice(1) } : one)),
          held,
        ),
    }),
  }),

  'a disk keeps what was deleted': () => ({
    store: (store) => ({
      ...store,
      fold: (folds, held) =>
        store.fold(
          folds.map((one) => ({ ...one, changes: one.changes.filter(({ is }) => is !== 'gone') })),
          held,
        ),
    }),
  }),

  'a clock runs too fast': () => ({
    clock: (clock) => {
      const begun = clock.now()
      return {
        now: () => begun + (clock.now() - begun) * 2,
        at: (instant, call) => clock.at(begun + (instant - begun) / 2, call),
      }
    },
  }),

  ...kindPlants,
}
