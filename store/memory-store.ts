/**
 * The store in memory, for tests in virtual time: the same promises as the one on disk, the same
 * contract suite. It serves the clause "commit, fold". A `MemoryDisk` outlives the store that
 * was opened on it: after `crash()` the next store finds exactly what was folded, and what the
 * last one was still about to fold never happens.
 */
import type { Address } from '#protocol/address.ts'
import { kindOf } from '#protocol/address.ts'
import { encode } from '#protocol/codec.ts'
import { Fault } from '#protocol/fault.ts'
import { heldAt } from '#protocol/held.ts'
import { partitionOf } from '#protocol/partition.ts'
import { openBaseReader, openBaseWriter } from './base-blob.ts'
import {
  type Contents,
  dropFrom,
  emptyContents,
  foldAll,
  sizeOf,
  type StoredActor,
  stateOf,
} from './memory-contents.ts'
import { isNeedy } from './need-rows.ts'
import { memorySliceOf } from './memory-slice.ts'
import type { Unseal } from './sealed-base.ts'
import type { Store, StoreIdentity } from './store.ts'

export type MemoryDisk = {
  /** The process that had it is gone, whatever it was doing. */
  crash(): void
}

type OwnedDisk = MemoryDisk & { readonly contents: Contents; owner: object | undefined }

export function openMemoryDisk(): MemoryDisk {
  const disk: OwnedDisk = {
    contents: emptyContents(),
    owner: undefined,
    crash: () => void (disk.owner = undefined),
  }
  return disk
}

export type MemoryStoreOptions = {
  readonly identity: StoreIdentity
  readonly disk?: MemoryDisk
  /** What a fold waits for before it happens; a simulated disk takes its time here, or fails. */
  readonly settle?: () => Promise<void>
  /** As for the store on disk. */
  readonly unseal?: Unseal | undefined
}

export function openMemoryStore({
  identity,
  disk = openMemoryDisk(),
  settle = () => Promise.resolve(),
  unseal,
}: MemoryStoreOptions): Store {
  const owned = disk as OwnedDisk
  const { contents } = owned
  if (owned.owner !== undefined) throw new Fault('store.locked', { value: 'memory', pid: process.pid })
  contents.identity ??= identity
  const have = contents.identity
  if (
    have.realm !== identity.realm ||
    have.generation !== identity.generation ||
    have.partitions !== identity.partitions ||
    have.log !== identity.log
  ) {
    throw new Fault('store.foreign', {
      value: 'memory',
      have: `${have.realm}, log of ${have.log}`,
      want: `${identity.realm}, log of ${identity.log}`,
    })
  }
  const me = {}
  owned.owner = me
  let isClosed = false
  let turn: Promise<unknown> = Promise.resolve()

  function check(): void {
    if (isClosed || owned.owner !== me) throw new Fault('store.closed', { value: 'memory' })
  }

  /** One after the other, each after the disk has settled, and only while the disk is still ours. */
  async function write(change: () => void): Promise<void> {
    check()
    const result = turn.then(async () => {
      await settle()
      check()
      change()
    })
    turn = result.catch(() => undefined)
    await result
  }

  const failures = new Map<number, { readonly count: number; readonly fault: Fault }>()
  const failuresOf = (partition: number) => failures.get(partition)?.count ?? 0
  const partitionOfAddress = (address: Address) => partitionOf(address, identity.partitions)

  function addressesIn(partition: number | undefined): Address[] {
    check()
    const all = [...contents.actors.keys()]
    return (partition === undefined ? all : all.filter((address) => partitionOfAddress(address) === partition)).sort()
  }

  const store: Store = {
    identity,
    partition(partition) {
      check()
      return contents.partitions.get(partition)
    },
    clients(partition) {
      check()
      return [...(contents.clients.get(partition)?.values() ?? [])]
    },
    read(address) {
      check()
      const actor = contents.actors.get(address)
      return actor === undefined ? undefined : stateOf(actor)
    },
    recents: {
      chunks() {
        check()
        return contents.recents.toReversed()
      },
      trim: (before, bytesMost) =>
        write(() => {
          let bytes = 0
          const kept = contents.recents
            .toReversed()
            .filter((chunk) => (bytes += chunk.length) <= bytesMost && heldAt(chunk) >= before)
          contents.recents = kept.toReversed()
        }),
    },
    async fold(folds, held) {
      if (folds.length === 0 && held === undefined) return
      const given = folds.map(({ partition }) => failuresOf(partition.partition))
      await write(() => {
        // What a failed fold should have brought is missing under this one.
        const failed = folds.findIndex(({ partition }, at) => failuresOf(partition.partition) !== given[at])
        const fault = failures.get(folds[failed]?.partition.partition as number)?.fault
        if (fault !== undefined) throw fault
        try {
          foldAll(contents, folds)
          if (held !== undefined) contents.recents = [...contents.recents, held]
        } catch (fault) {
          for (const { partition } of folds)
            failures.set(partition.partition, { count: failuresOf(partition.partition) + 1, fault: fault as Fault })
          throw fault
        }
      })
    },
    *addresses({ partition, kind, after, limit = Number.POSITIVE_INFINITY }) {
      let left = limit
      for (const address of addressesIn(partition)) {
        check()
        if ((after !== undefined && address <= after) || (kind !== undefined && kindOf(address) !== kind)) continue
        if (left-- <= 0) return
        yield address
      }
    },
    count() {
      check()
      return contents.actors.size
    },
    *needs(partition) {
      const all = addressesIn(partition).map(
        (address) => [address, (contents.actors.get(address) as StoredActor).needs] as const,
      )
      for (const entry of all) if (isNeedy(entry[1])) yield entry
    },
    *history(address, { before = Number.POSITIVE_INFINITY, limit }) {
      check()
      const lines = (contents.history.get(address) ?? []).filter((line) => line.n < before).toReversed()
      yield* lines.slice(0, limit)
    },
    trimHistory: (partition, upTo) =>
      write(() => {
        for (const [address, lines] of contents.history) {
          if (partitionOfAddress(address) !== partition) continue
          const kept = lines.filter((line) => line.seq > upTo)
          if (kept.length > 0) contents.history.set(address, kept)
          else contents.history.delete(address)
        }
      }),
    slice(partition) {
      check()
      return memorySliceOf(contents, {
        partition,
        check,
        clients: [...store.clients(partition)],
        addresses: addressesIn(partition),
        isIn: (address) => partitionOfAddress(address) === partition,
      })
    },
    async base(partition) {
      check()
      const position = contents.partitions.get(partition)
      if (position === undefined) throw new Fault('store.empty', { partition })
      const writer = openBaseWriter({ identity, partition: position, clients: [...store.clients(partition)] })
      const actors = addressesIn(partition).map(
        (address) => [address, contents.actors.get(address) as StoredActor] as const,
      )
      for (const [address, actor] of actors) {
        writer.add([address, actor.deltas.length === 0 ? actor.base : encode(stateOf(actor)), actor.needs])
        if (writer.isFull()) await writer.flush()
      }
      return writer.end()
    },
    async loadBase(bytes, segmentOf) {
      const { header, frames } = await openBaseReader(bytes, identity, { unseal, segmentOf })
      const actors = (await Array.fromAsync(frames())).flat()
      await write(() => {
        dropFrom(contents, header.partition.partition)
        for (const [address, base, needs] of actors) contents.actors.set(address, { base, deltas: [], needs })
        contents.partitions.set(header.partition.partition, header.partition)
        const marks = header.clients.map((mark) => [mark[0], mark] as const)
        contents.clients.set(header.partition.partition, new Map(marks))
      })
    },
    // Rows at once: in memory nothing is gained by waiting.
    underlays: () => new Map(),
    fill: () => Promise.resolve(false),
    endUnderlay: () => Promise.resolve(),
    alive: {
      get() {
        check()
        return contents.alive
      },
      set: (at) => write(() => void (contents.alive = at)),
    },
    dropPartition: (partition) => write(() => dropFrom(contents, partition)),
    size() {
      check()
      const held = contents.recents.reduce((sum, chunk) => sum + chunk.length, 0)
      const bytes = sizeOf(contents)
      return { bytes, held, limit: Number.MAX_SAFE_INTEGER, file: bytes }
    },
    async close() {
      await turn
      if (owned.owner === me) owned.owner = undefined
      isClosed = true
    },
    [Symbol.asyncDispose]: () => store.close(),
  }
  return store
}
