/**
 * Folds become transactions here, one after the other: what comes while one is being written
 * goes into the next, all together. It serves the clause "commit, fold". Invariants: a fold is
 * in the store whole or not at all; a state and the number it belongs to change at the same
 * instant; a fold that cannot be made fails, with those that stand on it and no others.
 */
import type { Address } from '#protocol/address.ts'
import { type ActorDraft, draftOf } from './actor-draft.ts'
import { changedOp, nextTracks, readTracks, type Track, tracksOp } from './cut-tracks.ts'
import { type ChainedLine, historyOp } from './history-rows.ts'
import { clientOps, partitionOps } from './partition-rows.ts'
import type { RecentRows } from './recent-rows.ts'
import type { Fold, FoldedPartition, HistoryLine } from './store.ts'
import type { Op, Tables } from './tables.ts'
import { readUnderlay, underlayOp } from './underlay.ts'

export type Folding = {
  fold(folds: readonly Fold[], held?: Uint8Array): Promise<void>
  /** Runs between two transactions of folds: after those given before it, before those given later. */
  exclusive<T>(work: () => Promise<T>): Promise<T>
}

type Waiting = {
  readonly folds: readonly Fold[]
  readonly held: Uint8Array | undefined
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** Changes that go into one transaction: preparing them is time in which nothing else runs. */
const mostChanges = 1000

/** `write` checks for room and turns LMDB's errors into faults. */
export function foldingOf(
  tables: Tables,
  write: (ops: readonly Op[]) => Promise<void>,
  faultOf: (error: unknown) => unknown,
  recents: Pick<RecentRows, 'op'>,
): Folding {
  /** In the order in which they were given: folds, and work that runs alone. */
  let queue: (Waiting | (() => Promise<void>))[] = []
  let isRunning = false

  function add(item: Waiting | (() => Promise<void>)): void {
    queue.push(item)
    if (!isRunning) void run()
  }

  async function run(): Promise<void> {
    isRunning = true
    // What is given in the same turn goes into the same transaction.
    await Promise.resolve()
    while (queue.length > 0) {
      const [first] = queue
      if (typeof first === 'function') {
        queue.shift()
        await first()
      } else {
        await commit(takeFolds())
      }
    }
    isRunning = false
  }

  function takeFolds(): Waiting[] {
    const taken: Waiting[] = []
    let changes = 0
    for (const item of queue) {
      if (typeof item === 'function') break
      for (const fold of item.folds) changes += fold.changes.length
      if (changes > mostChanges && taken.length > 0) break
      taken.push(item)
    }
    queue = queue.slice(taken.length)
    return taken
  }

  async function commit(group: readonly Waiting[]): Promise<void> {
    const folds = group.flatMap((one) => one.folds)
    try {
      const held = group.flatMap((one) => (one.held === undefined ? [] : [recents.op(one.held)]))
      await write([...opsOf(folds), ...held])
      for (const { resolve } of group) resolve()
    } catch (error) {
      if (group.length === 1) refuse(group[0] as Waiting, faultOf(error))
      else await commitEach(group)
    }
  }

  /** Which of them it was is found by making each alone. */
  async function commitEach(group: readonly Waiting[]): Promise<void> {
    queue.unshift(...group)
    for (const one of group) {
      // One that stood on another may have been refused with it.
      if (queue[0] !== one) continue
      queue.shift()
      await commit([one])
    }
  }

  /** And with it what was given later for the same partitions: it stands on what is missing now. */
  function refuse(failed: Waiting, fault: unknown): void {
    const partitions = new Set(failed.folds.map((fold) => fold.partition.partition))
    const refused = [failed]
    queue = queue.filter((item) => {
      if (typeof item === 'function' || !item.folds.some((fold) => partitions.has(fold.partition.partition)))
        return true
      refused.push(item)
      return false
    })
    for (const { reject } of refused) reject(fault)
  }

  function opsOf(folds: readonly Fold[]): Op[] {
    const drafts = new Map<Address, ActorDraft>()
    const partitions = new Map<number, FoldedPartition>()
    const ops: Op[] = []
    const changed = changesOf(tables)
    for (const { partition, clients, changes, history, cut } of folds) {
      const draft = (address: Address): ActorDraft => {
        const known = drafts.get(address)
        if (known !== undefined) return known
        const made = draftOf(tables, { partition: partition.partition, address })
        drafts.set(address, made)
        return made
      }
      for (const change of changes) draft(change.address).change(change)
      for (const [n, lines] of byCommit(history)) {
        const chained = lines.map((line): ChainedLine => ({ line, previous: draft(line.address).chain(n) }))
        ops.push(historyOp(tables, partition.partition, n, chained))
      }
      partitions.set(partition.partition, partition)
      if (clients !== undefined) ops.push(...clientOps(tables, partition.partition, clients))
      ops.push(...changed.of(partition, changes, cut))
    }
    for (const one of drafts.values()) ops.push(...one.ops())
    ops.push(...liftedOps(drafts))
    for (const partition of partitions.values()) ops.push(...partitionOps(tables, partition))
    return ops
  }

  /** Of what was restored, so many more have rows. */
  function liftedOps(drafts: ReadonlyMap<Address, ActorDraft>): Op[] {
    const lifted = new Map<number, number>()
    for (const { isLifted, partition } of drafts.values())
      if (isLifted) lifted.set(partition, (lifted.get(partition) ?? 0) + 1)
    return [...lifted].flatMap(([partition, count]) => {
      const underlay = readUnderlay(tables, partition)
      return underlay === undefined
        ? []
        : [underlayOp(tables, partition, { ...underlay, touched: underlay.touched + count })]
    })
  }

  return {
    fold(folds, held) {
      if (folds.length === 0 && held === undefined) return Promise.resolve()
      return new Promise((resolve, reject) => add({ folds, held, resolve, reject }))
    },
    exclusive: (work) => new Promise((resolve, reject) => add(() => work().then(resolve, reject))),
  }
}

function byCommit(history: readonly HistoryLine[]): Map<number, HistoryLine[]> {
  const commits = new Map<number, HistoryLine[]>()
  for (const line of history) {
    const lines = commits.get(line.n)
    if (lines === undefined) commits.set(line.n, [line])
    else lines.push(line)
  }
  return commits
}

/** What is noted for the next slices, of the folds of one transaction in their order. */
function changesOf(tables: Tables): { of(partition: FoldedPartition, changes: Fold['changes'], cut?: string): Op[] } {
  const known = new Map<number, readonly Track[]>()
  return {
    of({ partition, n }, changes, cut) {
      const tracks = known.get(partition) ?? readTracks(tables, partition)
      const now = tracks.at(-1)?.[0]
      const ops: Op[] = []
      if (now !== undefined)
        for (const { address } of changes) {
          const op = changedOp(tables, partition, address, now)
          if (op !== undefined) ops.push(op)
        }
      known.set(partition, cut === undefined ? tracks : nextTracks(tracks, cut, n))
      if (cut !== undefined) ops.push(tracksOp(tables, partition, known.get(partition) ?? []))
      return ops
    },
  }
}
