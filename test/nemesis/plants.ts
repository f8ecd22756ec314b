/**
 * Planted bugs of a node among others: those of the simulation, and what only several owners in
 * a row can do wrong. A nemesis whose checkers do not see these would prove nothing.
 */
import { decode } from '#protocol/codec.ts'
import type { AnyEvent } from '#protocol/envelope.ts'
import { encodeOutside, type OutsideNote } from '#protocol/outside.ts'
import type { LogEntry } from '#runtime/bus.ts'
import { cutPlants } from '#test/support/cuts/plants.ts'
import { plants as simulated } from '#test/support/sim/mutations.ts'
import type { Plant } from '#test/support/sim/process.ts'
import { pulseKind } from './load.ts'

type Wrapped = readonly [format: number, event: AnyEvent, note: OutsideNote]

/** What two entries say changes places; who sent them, and in which order, does not. */
function swapped(one: LogEntry, other: LogEntry): readonly [LogEntry, LogEntry] {
  const [[, first, firstNote], [, second, secondNote]] = [decode(one.data) as Wrapped, decode(other.data) as Wrapped]
  return [
    { ...one, data: encodeOutside(second, firstNote) },
    { ...other, data: encodeOutside(first, secondNote) },
  ]
}

const waitMs = 200

const reordering: Plant = (random) => ({
  bus: (bus) => ({
    ...bus,
    read(options) {
      if (!options.filter.includes('.in.')) return bus.read(options)
      let held: LogEntry | undefined
      const release = (): void => {
        const one = held
        held = undefined
        if (one !== undefined) options.onEntry(one)
      }
      return bus.read({
        ...options,
        onEntry(entry) {
          if (held?.subject === entry.subject) {
            const [first, second] = swapped(held, entry)
            held = undefined
            options.onEntry(first)
            options.onEntry(second)
            return
          }
          release()
          if (!/\.x\.pulse\./.test(entry.subject) || !random.chance(0.1)) return options.onEntry(entry)
          held = entry
          setTimeout(release, waitMs)
        },
      })
    },
  }),
})

/** Every third commit that sent something forgets what it sent: the record stands alone. */
const forgetting: Plant = () => {
  let times = 0
  return {
    bus: (bus) => ({
      ...bus,
      appendAll(entries) {
        const kept = entries.filter(({ subject }) => !subject.includes('.in.'))
        const isWhole = kept.length === entries.length || kept.length === 0
        return bus.appendAll(isWhole || ++times % 3 !== 0 ? entries : kept)
      },
    }),
  }
}

const repeating: Plant = () => ({
  kinds: (kinds) => kinds.map((one) => (one.kind === 'pulse' ? pulseKind(2) : one)),
})

const forgetful: Plant = () => ({
  // Its members live on it as they are; only the fold is changed.
  store: (store) =>
    Object.assign(Object.create(store) as typeof store, {
      fold: (folds: Parameters<typeof store.fold>[0], held: Parameters<typeof store.fold>[1]) =>
        store.fold(
          folds.map((one) => ({ ...one, changes: one.changes.filter(({ address }) => !address.startsWith('pulse/')) })),
          held,
        ),
    }),
})

/** Whoever mends leaves out an event from outside: its place stays empty. */
const skipping: Plant = () => ({
  bus: (bus) => {
    let isDone = false
    return {
      ...bus,
      appendAll(entries) {
        const at = entries.findIndex(({ subject }) => /\.x\.pulse\./.test(subject))
        if (isDone || at < 0 || !entries[0]?.subject.endsWith('.commit.mended')) return bus.appendAll(entries)
        isDone = true
        return bus.appendAll(entries.with(at, { ...(entries[at] as (typeof entries)[number]), data: new Uint8Array() }))
      },
    }
  },
})

export const plants: Readonly<Record<string, Plant>> = {
  ...simulated,
  ...cutPlants,
  'events of one sender change places': reordering,
  'what a commit sent is forgotten': forgetting,
  'an event is taken twice': repeating,
  'a disk forgets one kind': forgetful,
  'a mending leaves an event out': skipping,
}
