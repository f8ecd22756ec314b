/**
 * The store on disk: LMDB, one environment for a node. It serves the clause "commit, fold".
 * Invariant: everything in it could be made again from the log, so whatever is wrong with it is
 * said at once, and mending it is removing it (`removeStore`).
 */
import type { Address } from '#protocol/address.ts'
import { Fault } from '#protocol/fault.ts'
import { partitionOf } from '#protocol/partition.ts'
import { readState } from './actor-rows.ts'
import { aliveOp, readAlive } from './alive-row.ts'
import { openBaseReader } from './base-blob.ts'
import { checkDataFile, prepareDir } from './data-file.ts'
import { acquireDirLock, type DirLock } from './dir-lock.ts'
import { foldingOf } from './folding.ts'
import { fillPortion } from './fill-rows.ts'
import { checkIdentity } from './identity-row.ts'
import { actorKey } from './keys.ts'
import { dropPartition, fillPartition, trimHistory, unfinishedPartitions, writeBase } from './partition-moves.ts'
import { readClients, readPartition } from './partition-rows.ts'
import { readAny } from './read-any.ts'
import { addressesOf, historyOf, needsOf } from './reading.ts'
import { recentRowsOf } from './recent-rows.ts'
import { openRoom } from './room.ts'
import type { Unseal } from './sealed-base.ts'
import { slicePaceOf } from './slice-pace.ts'
import { sliceOf } from './slice-view.ts'
import type { Store, StoreIdentity } from './store.ts'
import { storeFaultOf } from './store-fault.ts'
import { bytesOf, entriesOf, openTables, type Tables } from './tables.ts'
import { countOnlyUnder, readUnderlay, underlayOp, underlaysIn } from './underlay.ts'
import { type Attempt, noteAttempt, verifyActors, verifyAround, verifyTables } from './verify.ts'
import { viewsOf } from './views.ts'

export { removeStore } from './data-file.ts'

export type LmdbStoreOptions = {
  readonly dir: string
  readonly identity: StoreIdentity
  /** The store says `store.full` before it grows past this. */
  readonly mapBytes: number
  /** Opens what restored bases are sealed with; without it they are not loaded. */
  readonly unseal?: Unseal | undefined
}

export async function openLmdbStore(options: LmdbStoreOptions): Promise<Store> {
  const { dir, identity, mapBytes } = options
  const lock = lockDir(dir)
  let attempt: Attempt | undefined
  let tables: Tables | undefined
  try {
    checkDataFile(dir)
    attempt = noteAttempt(dir)
    tables = await openTables({ dir, mapBytes })
    await checkIdentity(tables, dir, identity)
    verifyTables(tables)
    const room = openRoom(tables, dir, mapBytes)
    for (const partition of unfinishedPartitions(tables)) await dropPartition(tables, partition, room.write)
    return storeOf(tables, { lock, attempt }, room.write, options)
  } catch (error) {
    await tables?.close()
    // Whatever was wrong was said; only a process that ends without a word leaves its trace.
    attempt?.succeeded()
    lock.release()
    throw storeFaultOf(error, dir, mapBytes)
  }
}

function lockDir(dir: string): DirLock {
  try {
    prepareDir(dir)
    return acquireDirLock(dir)
  } catch (cause) {
    const fault = storeFaultOf(cause, dir, 0)
    // Before anything of the store was looked at, nothing of it can be called corrupt.
    throw fault.code === 'store.corrupt'
      ? new Fault('store.unusable', { value: dir, reason: String(cause) }, { cause })
      : fault
  }
}

type Write = ReturnType<typeof openRoom>['write']

type Held = { readonly lock: DirLock; readonly attempt: Attempt }

function storeOf(
  tables: Tables,
  { lock, attempt }: Held,
  writeRows: Write,
  { dir, identity, mapBytes, unseal }: LmdbStoreOptions,
): Store {
  const faultOf = (error: unknown) => storeFaultOf(error, dir, mapBytes)
  /** What is damaged may show itself only when something is written. */
  const write: Write = async (ops) => {
    await writeRows(ops)
    attempt.succeeded()
  }
  const recents = recentRowsOf(tables, write)
  const folding = foldingOf(tables, write, faultOf, recents)
  const views = viewsOf(tables, dir)
  const pace = slicePaceOf()
  let isVerified = false
  verifyActors(tables, views).then(
    () => (isVerified = true),
    (error: unknown) => {
      const fault = faultOf(error)
      // A page may have hidden any row of any partition, so nothing less than all of it is made again.
      if (fault.code === 'store.corrupt') attempt.damaged(fault.message)
      views.fail(fault)
    },
  )
  /** Partitions that are being filled or emptied: nothing of them is to be seen. */
  const moving = new Set<number>()
  const partitionOfAddress = (address: Address) => partitionOf(address, identity.partitions)
  let closing: Promise<void> | undefined

  function guarded<T>(read: () => T): T {
    views.check()
    try {
      return read()
    } catch (error) {
      throw faultOf(error)
    }
  }

  function* walked<T>(rows: Generator<T>): Generator<T> {
    try {
      yield* rows
    } catch (error) {
      throw faultOf(error)
    }
  }

  async function alone<T>(work: () => Promise<T>): Promise<T> {
    views.check()
    return folding.exclusive(async () => guardedAsync(work))
  }

  async function guardedAsync<T>(work: () => Promise<T>): Promise<T> {
    views.check()
    try {
      return await work()
    } catch (error) {
      throw faultOf(error)
    }
  }

  function move(partition: number, work: () => Promise<void>): Promise<void> {
    return alone(async () => {
      moving.add(partition)
      try {
        await work()
      } finally {
        moving.delete(partition)
      }
    })
  }

  const store: Store = {
    identity,
    partition(partition) {
      if (moving.has(partition)) return undefined
      return guarded(() => views.within((view) => readPartition(tables, partition, view)))
    },
    clients(partition) {
      if (moving.has(partition)) return []
      return guarded(() => views.within((view) => readClients(tables, partition, view)))
    },
    read(address) {
      const partition = partitionOfAddress(address)
      if (moving.has(partition)) return undefined
      return guarded(() => {
        const state =
          readState(tables, partition, address) ?? views.within((view) => readAny(tables, partition, address, view))
        if (state === undefined && !isVerified) verifyAround(tables, actorKey(partition, address))
        return state
      })
    },
    async fold(folds, held) {
      views.check()
      await folding.fold(folds, held)
    },
    recents: {
      *chunks() {
        const view = views.open()
        try {
          yield* walked(recents.newestFirst(view) as Generator<Uint8Array>)
        } finally {
          views.close(view)
        }
      },
      trim: (before, bytesMost) => alone(() => recents.trim(before, bytesMost)),
    },
    addresses: (query) => walked(addressesOf(tables, views, identity.partitions, query)),
    count: () => guarded(() => entriesOf(tables.actors) + countOnlyUnder(tables)),
    needs: (partition) => walked(needsOf(tables, views, partition)),
    history: (address, query) => walked(historyOf(tables, views, partitionOfAddress(address), address, query)),
    trimHistory: (partition, upTo) => alone(() => trimHistory(tables, partition, upTo, write)),
    slice(partition) {
      if (moving.has(partition)) throw new Fault('store.empty', { partition })
      return guarded(() => sliceOf(tables, views, { partition, pace }))
    },
    base: (partition) => guardedAsync(() => writeBase(tables, views, identity, partition)),
    async loadBase(bytes, segmentOf) {
      const base = await openBaseReader(bytes, identity, { unseal, segmentOf })
      await move(base.header.partition.partition, () => fillPartition(tables, base, write))
    },
    underlays: () => guarded(() => new Map([...underlaysIn(tables)].map(([partition, { left }]) => [partition, left]))),
    fill: (partition, rowsMost) => alone(() => fillPortion(tables, { partition, rowsMost }, write)),
    endUnderlay: (partition) =>
      alone(async () => {
        if (readUnderlay(tables, partition)?.isFilled === true) await write([underlayOp(tables, partition, undefined)])
      }),
    alive: {
      get: () => guarded(() => readAlive(tables)),
      set: (at) => alone(() => write([aliveOp(tables, at)])),
    },
    dropPartition: (partition) => move(partition, () => dropPartition(tables, partition, write)),
    size: () =>
      guarded(() => ({
        bytes: tables.used(),
        held: bytesOf(tables.recents),
        limit: mapBytes,
        file: tables.extent(),
      })),
    close() {
      closing ??= folding.exclusive(async () => {
        views.end()
        await tables.close()
        attempt.succeeded()
        lock.release()
      })
      return closing
    },
    [Symbol.asyncDispose]: () => store.close(),
  }
  return store
}
