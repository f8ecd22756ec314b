/**
 * The store in memory, for tests in virtual time: the same promises as the one on disk, the same
 * contract suite. It serves the clause "commit, fold". A `MemoryDisk` outlives the store that
 * was opened on it: after `crash()` the next store finds exactly what was folded, and what the
 * last one was still about to fold never happens.
 */
import type { Address } from '#protocol/address.ts'
import { kindOf } from '#protocol/address.ts'
import { decode, encode } from '#protocol/codec.ts'
import { applyAll } from '#protocol/delta.ts'
import { Fault } from '#protocol/fault.ts'
import { partitionOf } from '#protocol/partition.ts'
import { openBaseReader, openBaseWriter } from './base-blob.ts'
import type { Fold, FoldedChange, FoldedPartition, HistoryLine, Needs, Store, StoreIdentity } from './store.ts'

type StoredActor = { readonly base: Uint8Array; readonly deltas: readonly Uint8Array[]; readonly needs: Needs }

type Contents = {
  identity: StoreIdentity | undefined
  alive: number | undefined
  readonly partitions: Map<number, FoldedPartition>
  readonly actors: Map<Address, StoredActor>
  readonly history: Map<Address, HistoryLine[]>
}

export type MemoryDisk = {
  /** The process that had it is gone, whatever it was doing. */
  crash(): void
}

type OwnedDisk = MemoryDisk & { readonly contents: Contents; owner: object | undefined }

export function openMemoryDisk(): MemoryDisk {
  const disk: OwnedDisk = {
    contents: { identity: undefined, alive: undefined, partitions: new Map(), actors: new Map(), history: new Map() },
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
}

export function openMemoryStore({
  identity,
  disk = openMemoryDisk(),
  settle = () => Promise.resolve(),
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
  function write(change: () => void): Promise<void> {
    check()
    const result = turn.then(async () => {
      await settle()
      check()
      change()
    })
    turn = result.catch(() => undefined)
    return result
  }

  const partitionOfAddress = (address: Address) => partitionOf(address, identity.partitions)

  function addressesIn(partition: number | undefined): Address[] {
    check()
    const all = [...contents.actors.keys()]
    return (partition === undefined ? all : all.filter((address) => partitionOfAddress(address) === partition)).sort()
  }

  function drop(partition: number): void {
    contents.partitions.delete(partition)
    for (const address of contents.actors.keys())
      if (partitionOfAddress(address) === partition) contents.actors.delete(address)
    for (const address of contents.history.keys())
      if (partitionOfAddress(address) === partition) contents.history.delete(address)
  }

  const store: Store = {
    identity,
    partition(partition) {
      check()
      return contents.partitions.get(partition)
    },
    read(address) {
      check()
      const actor = contents.actors.get(address)
      return actor === undefined ? undefined : (applyAll(decode(actor.base), actor.deltas) as unknown[])
    },
    async fold(folds) {
      if (folds.length > 0) await write(() => foldAll(contents, folds))
    },
    *addresses({ partition, kind, after, limit = Number.POSITIVE_INFINITY }) {
      let left = limit
      for (const address of addressesIn(partition)) {
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
    async base(partition) {
      check()
      const position = contents.partitions.get(partition)
      if (position === undefined) throw new Fault('store.empty', { partition })
      const writer = openBaseWriter({ identity, partition: position })
      const actors = addressesIn(partition).map(
        (address) => [address, contents.actors.get(address) as StoredActor] as const,
      )
      for (const [address, { base, deltas, needs }] of actors) {
        writer.add([address, deltas.length === 0 ? base : encode(applyAll(decode(base), deltas)), needs])
        if (writer.isFull()) await writer.flush()
      }
      return writer.end()
    },
    async loadBase(bytes) {
      const { header, frames } = await openBaseReader(bytes, identity)
      const actors = (await Array.fromAsync(frames())).flat()
      await write(() => {
        drop(header.partition.partition)
        for (const [address, base, needs] of actors) contents.actors.set(address, { base, deltas: [], needs })
        contents.partitions.set(header.partition.partition, header.partition)
      })
    },
    alive: {
      get() {
        check()
        return contents.alive
      },
      set: (at) => write(() => void (contents.alive = at)),
    },
    dropPartition: (partition) => write(() => drop(partition)),
    size: () => ({ bytes: sizeOf(contents), limit: Number.MAX_SAFE_INTEGER }),
    async close() {
      await turn
      if (owned.owner === me) owned.owner = undefined
      isClosed = true
    },
    [Symbol.asyncDispose]: () => store.close(),
  }
  return store
}

/** All of them or none: what cannot be done is found before anything is changed. */
function foldAll(contents: Contents, folds: readonly Fold[]): void {
  const next = new Map<Address, StoredActor | undefined>()
  const actorOf = (address: Address) => (next.has(address) ? next.get(address) : contents.actors.get(address))
  for (const { changes } of folds)
    for (const change of changes) next.set(change.address, actorAfter(change, actorOf(change.address)))
  for (const [address, actor] of next) {
    if (actor === undefined) contents.actors.delete(address)
    else contents.actors.set(address, actor)
  }
  for (const { partition, history } of folds) {
    contents.partitions.set(partition.partition, partition)
    for (const line of history) {
      const lines = contents.history.get(line.address)
      if (lines === undefined) contents.history.set(line.address, [line])
      else lines.push(line)
    }
  }
}

function actorAfter(change: FoldedChange, before: StoredActor | undefined): StoredActor | undefined {
  if (change.is === 'gone') return undefined
  if (change.is === 'full') return { base: change.state.slice(), deltas: [], needs: change.needs }
  const base = change.base ?? before?.base
  if (base === undefined)
    throw new Fault('store.corrupt', {
      value: 'memory',
      reason: `a difference came for ${change.address}, but there is no state before it`,
    })
  const older = change.base === undefined ? (before?.deltas ?? []) : []
  const deltas = [...older, ...change.deltas]
  if (deltas.length <= mostDeltas) return { base, deltas, needs: change.needs }
  return { base: encode(applyAll(decode(base), deltas)), deltas: [], needs: change.needs }
}

/** More than this are put into a new base. */
const mostDeltas = 64

function isNeedy({ due, effects, subscribed }: Needs): boolean {
  return due !== undefined || effects === true || subscribed === true
}

function sizeOf({ actors }: Contents): number {
  let bytes = 0
  for (const { base, deltas } of actors.values())
    bytes += deltas.reduce((sum, delta) => sum + delta.length, base.length)
  return bytes
}
