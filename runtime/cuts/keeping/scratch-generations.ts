/**
 * Generations of a realm that is there for a drill alone: a restore runs against it as against the
 * real one, and nothing of what it stores is kept. It serves "restored into a scratch realm".
 * Invariant: however large a cut is, no more of it is in memory than what is stored at once.
 */
import type { Realm } from '#protocol/realm.ts'
import type { Bus, Entry, Placed } from '#runtime/bus.ts'
import type { Clock } from '#runtime/clock.ts'
import type { Generation, Generations, NextGeneration } from '#runtime/generations.ts'
import { openMemoryLog } from '#runtime/memory/memory-bus.ts'

type Given = {
  readonly realm: Realm
  readonly clock: Clock
  /** Of the server of the real one. */
  readonly maxPayload: number
  readonly onEntry: (entry: Entry, realm: Realm) => void
}

export type Scratch = { readonly generations: Generations; isOpen(): boolean }

export function openScratch({ realm, clock, maxPayload, onEntry }: Given): Scratch {
  const createdAt = new Date(clock.now()).toISOString()
  let present: Generation = { realm, state: 'open', createdAt, firstSeq: 1, lastSeq: 0 }

  /** A memory bus, whose log counts and forgets. */
  function busOf({ generation, partitions, firstSeq }: NextGeneration): Bus {
    // What does not fit is parked by a real one, and is counted here as what it was.
    const { MAX_SAFE_INTEGER } = Number
    const bus = openMemoryLog({ realm: realm.name, partitions, clock, maxPayload: MAX_SAFE_INTEGER }).connect()
    const own: Realm = { ...bus.realm, generation }
    let last = firstSeq - 1
    const take = (entries: readonly Entry[]): Promise<Placed> => {
      for (const entry of entries) onEntry(entry, own)
      last += entries.length
      return Promise.resolve({ seq: last })
    }
    return {
      ...bus,
      realm: own,
      append: (entry) => take([entry]),
      appendAll: take,
      logState: () => Promise.resolve({ firstSeq, lastSeq: last, entries: last - firstSeq + 1, bytes: 0, createdAt }),
      blobs: { ...bus.blobs, put: () => Promise.resolve(), add: () => Promise.resolve() },
    }
  }

  return {
    isOpen: () => present.state === 'open' && present.realm.generation > realm.generation,
    generations: {
      maxPayload,
      newest: () => Promise.resolve(present),
      reserve: (above) => Promise.resolve(above + 1),
      seal: () => Promise.resolve(),
      async begin(next) {
        const { generation, partitions, firstSeq } = next
        const made = { ...realm, generation, partitions }
        present = { realm: made, state: 'restoring', createdAt, firstSeq, lastSeq: firstSeq - 1 }
        return busOf(next)
      },
      async open() {
        present = { ...present, state: 'open' }
      },
      discard: () => Promise.resolve(),
      unseal: () => Promise.resolve(undefined),
      past: () => Promise.resolve(undefined),
    },
  }
}
