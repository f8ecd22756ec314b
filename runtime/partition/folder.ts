/**
 * Brings commits from the log into the store: "LMDB follows the log". What was committed is
 * gathered for a moment and folded in one transaction for all partitions; several states of one
 * actor become the last one. Invariant: a partition's fold is always a prefix of its commits.
 */
import type { Address } from '#protocol/address.ts'
import type { HeldEntry } from '#protocol/held.ts'
import type { Change, CommitRecord, MarkedCut } from '#protocol/record.ts'
import type { ClientMark, ClientMoves, FoldedPartition } from '#protocol/folded.ts'
import type { Fold, FoldedChange, HistoryLine, Needs, Store } from '#store/store.ts'
import type { Clock } from '#runtime/clock.ts'
import { type HoldOptions, holdingOf } from '#runtime/mending/holding.ts'

export type Folder = {
  add(folded: Folding): void
  /** Everything added so far is in the store. */
  flush(): Promise<void>
  /** The number of commits that are not in the store yet. */
  readonly behind: number
  /** Bytes of states and differences that were committed here, of one partition. */
  written(partition: number): number
  /** Called after each fold with what is now in the store, by partition. */
  onFolded(on: (positions: readonly FoldedPartition[]) => void): void
  /** The store holds a partition's recorded state of a cut, and in this turn nothing later of it. */
  onMarked(on: (cut: MarkedCut, position: FoldedPartition) => void): void
  stop(): Promise<void>
  /** Folds nothing more: the log keeps what the store does not have, as after a crash. */
  abandon(): void
}

export type FolderOptions = HoldOptions & { readonly intervalMs: number; readonly commitsMost: number }

/** A commit that is on the log. */
export type Folding = {
  readonly position: FoldedPartition
  readonly clients: ClientMoves
  readonly record: CommitRecord
  readonly seq: number
  /** For every address of the record that is not gone. */
  readonly needs: ReadonlyMap<Address, Needs>
  /** What it consumed from outside, and what it put on the log. */
  readonly held: readonly HeldEntry[]
}

type Gathered = {
  position: FoldedPartition
  readonly clients: Map<string, ClientMark | undefined>
  readonly changes: Map<Address, FoldedChange>
  history: HistoryLine[]
  /** The last commit in it records this cut: what comes later goes into the next fold. */
  cut?: MarkedCut | undefined
}

export function folderOf(
  {
    store,
    clock,
    onError,
  }: { readonly store: Store; readonly clock: Clock; readonly onError: (error: unknown) => void },
  options: FolderOptions,
): Folder {
  let gathered = new Map<number, Gathered>()
  /** Commits behind a recorded cut that is not folded yet. */
  let later: Folding[] = []
  let count = 0
  let inStore = 0
  let alarm: { cancel(): void } | undefined
  let running: Promise<void> | undefined
  let abandoned = false
  const holding = holdingOf(clock, options)
  const written = new Map<number, number>()
  const hearers: ((positions: readonly FoldedPartition[]) => void)[] = []
  const markers: ((cut: MarkedCut, position: FoldedPartition) => void)[] = []

  async function fold(): Promise<void> {
    const taken = gathered
    const behind = later
    inStore = count - behind.length
    gathered = new Map()
    later = []
    count = 0
    for (const one of behind) take(one)
    const folds: Fold[] = [...taken.values()].map(({ position, clients, changes, history, cut }) => ({
      partition: position,
      clients,
      changes: [...changes.values()],
      history,
      ...(cut === undefined ? {} : { cut: cut[0] }),
    }))
    try {
      await store.fold(folds, holding.take())
    } catch (error) {
      // What was taken is gone: anything folded behind it would leave a hole.
      abandon()
      throw error
    }
    inStore = 0
    const positions = folds.map((one) => one.partition)
    for (const on of hearers) on(positions)
    for (const { cut, position } of taken.values()) if (cut !== undefined) for (const on of markers) on(cut, position)
  }

  function take(folding: Folding): void {
    count++
    const { position, clients, record, seq, needs } = folding
    const part = gathered.get(position.partition) ?? {
      position,
      clients: new Map<string, ClientMark | undefined>(),
      changes: new Map<Address, FoldedChange>(),
      history: [],
    }
    if (part.cut !== undefined) return void later.push(folding)
    part.position = position
    part.cut = record.cut
    gathered.set(position.partition, part)
    for (const [session, mark] of clients) part.clients.set(session, mark)
    for (const change of record.changes) gather(part.changes, change, needs.get(change.address) ?? {})
    part.history.push(...historyOf(record, seq))
  }

  function abandon(): void {
    abandoned = true
    alarm?.cancel()
    gathered.clear()
    later = []
    count = 0
  }

  function run(): Promise<void> {
    alarm?.cancel()
    alarm = undefined
    if (running !== undefined) return running
    if (count === 0 || abandoned) return Promise.resolve()
    running = fold().finally(() => {
      running = undefined
      if (count === 0) return
      // A cut that came meanwhile is recorded as soon as the store can say so.
      if ([...gathered.values()].some(({ cut }) => cut !== undefined)) run().catch(onError)
      else soon()
    })
    return running
  }

  /**
   * A transaction costs the same for one commit as for a thousand, so what came while one was
   * being written waits for its interval too, instead of starting the next at once.
   */
  function soon(): void {
    if (count >= options.commitsMost && running === undefined) run().catch(onError)
    else alarm ??= clock.at(clock.now() + options.intervalMs, () => void run().catch(onError))
  }

  return {
    get behind() {
      return count + inStore
    },
    add(folding) {
      if (abandoned) return
      const { partition } = folding.position
      written.set(partition, (written.get(partition) ?? 0) + sizeOf(folding.record))
      take(folding)
      for (const entry of folding.held) holding.add(entry)
      if (folding.record.cut === undefined) soon()
      // A cut is recorded as soon as the store can say so.
      else run().catch(onError)
    },
    async flush() {
      // Under load there is always more to come, and nobody waits for that.
      await running
      await run()
    },
    written: (partition) => written.get(partition) ?? 0,
    onFolded: (on) => void hearers.push(on),
    onMarked: (on) => void markers.push(on),
    async stop() {
      alarm?.cancel()
      await this.flush()
    },
    abandon,
  }
}

function sizeOf({ changes }: CommitRecord): number {
  let bytes = 0
  for (const change of changes) {
    if (change.is === 'full') bytes += change.state.length
    else if (change.is !== 'gone') bytes += change.delta.length
  }
  return bytes
}

export function gather(changes: Map<Address, FoldedChange>, change: Change, needs: Needs): void {
  const { address } = change
  if (change.is === 'gone') {
    changes.set(address, { address, is: 'gone' })
  } else if (change.is === 'full') {
    changes.set(address, { address, is: 'full', state: change.state, needs })
  } else {
    const before = changes.get(address)
    // A full state that is not folded yet goes first; the differences apply to it.
    if (before?.is === 'full') {
      changes.delete(address)
      changes.set(address, { address, is: 'deltas', base: before.state, deltas: [change.delta], needs })
    } else {
      const base = before?.is === 'deltas' ? before.base : undefined
      const deltas = [...(before?.is === 'deltas' ? before.deltas : []), change.delta]
      changes.set(address, { address, is: 'deltas', ...(base === undefined ? {} : { base }), deltas, needs })
    }
  }
}

/** One line for each actor that the commit changed, also where none of its steps was that actor's own. */
export function historyOf(record: CommitRecord, seq: number): HistoryLine[] {
  const lines = new Map<string, HistoryLine & { readonly steps: Omit<CommitRecord['steps'][number], 'change'>[] }>()
  const { n, at } = record
  for (const { address } of record.changes)
    if (!lines.has(address)) lines.set(address, { address, n, seq, at, steps: [] })
  for (const { change, ...note } of record.steps) lines.get(record.changes[change]?.address ?? '')?.steps.push(note)
  return [...lines.values()]
}
