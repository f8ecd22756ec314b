/**
 * Folds records that somebody else committed into this node's store: the clause "LMDB follows the
 * log", for those who do not own the partition. Invariant: records are taken by their numbers,
 * n = last + 1; lower ones are copies; one that comes too early waits, and when too many wait
 * there is a gap, which only a newer start can close.
 */
import { type Address, kindOf } from '#protocol/address.ts'
import { decode } from '#protocol/codec.ts'
import { applyOwning } from '#protocol/delta.ts'
import { decodeEnvelope } from '#protocol/envelope.ts'
import { Fault } from '#protocol/fault.ts'
import type { ClientMark, FoldedPartition } from '#protocol/folded.ts'
import { type CommitRecord, decodeRecord, joinPart, type RecordPart } from '#protocol/record.ts'
import { decodeState, stateOfArray } from '#protocol/state.ts'
import { parseStored } from '#protocol/subject.ts'
import type { Fold, FoldedChange, Needs, Store } from '#store/store.ts'
import type { LogEntry } from '#runtime/bus.ts'
import { needsOfState } from '#runtime/core/needs.ts'
import { beginning, type Progress, progressOf } from '#runtime/core/position.ts'
import type { SessionLimits } from '#runtime/core/sessions.ts'
import { gather, historyOf } from './folder.ts'
import type { Holding } from '#runtime/mending/holding.ts'
import type { Kinds } from './residents.ts'

export type Refold = {
  /** Where the partition stands, with what is still on its way into the store. */
  position(partition: number): FoldedPartition | undefined
  /** Records that wait for one before them. */
  early(partition: number): number
  /** Records since the last fold. */
  readonly gathered: number
  /** Folds that the store has not answered yet. */
  readonly leaving: number
  /** Takes the record in it, if there is one of these partitions; throws `log.gap`. */
  take(entry: LogEntry): void
  /** Into the store, all in one transaction. */
  fold(): Promise<void>
}

export type RefoldOptions = SessionLimits & {
  /** Keeps what is read, beside the fold. */
  readonly holding: Holding
  /** Records of one partition that may wait for one before them. */
  readonly earlyMost: number
}

/** Until the fold, when the state is known that they follow from. */
const unknownNeeds: Needs = {}

type Recent = Map<Address, Uint8Array | unknown[]>
type Placed = { readonly record: CommitRecord; readonly seq: number }
type Part = {
  readonly progress: Progress
  clients: Map<string, ClientMark | undefined>
  changes: Map<Address, FoldedChange>
  history: Fold['history'][number][]
  readonly early: Map<number, Placed>
}

export function refoldOf(
  { store, kinds }: { readonly store: Store; readonly kinds: Kinds },
  partitions: ReadonlySet<number>,
  { earlyMost, holding, ...limits }: RefoldOptions,
): Refold {
  const parts = new Map<number, Part>()
  const split = new Map<string, readonly RecordPart[]>()
  /** States that the store does not have yet, encoded or put together: what differences apply to. */
  let recent: Recent = new Map()
  /** Parts of them that were made here, and that nobody else has: each is copied once, and not for each record. */
  let owned = new Set<object>()
  /** Those on their way into the store, newest first. */
  const leaving: Recent[] = []
  let gathered = 0
  for (const partition of partitions) {
    const position = store.partition(partition) ?? beginning(partition)
    const progress = progressOf({ position, clients: store.clients(partition) }, limits)
    parts.set(partition, { progress, clients: new Map(), changes: new Map(), history: [], early: new Map() })
  }

  function takeRecord(record: CommitRecord, seq: number): void {
    const part = parts.get(record.partition)
    if (part === undefined || record.n <= part.progress.position.n) return
    if (record.n !== part.progress.position.n + 1) return keepEarly(part, { record, seq })
    for (let next: Placed | undefined = { record, seq }; next !== undefined;) {
      apply(part, next)
      const n = part.progress.position.n + 1
      next = part.early.get(n)
      part.early.delete(n)
    }
  }

  function keepEarly({ early, progress }: Part, placed: Placed): void {
    const { partition, n } = placed.record
    if (early.size >= earlyMost) throw new Fault('log.gap', { partition, want: progress.position.n + 1, have: n })
    early.set(n, placed)
  }

  function apply(part: Part, { record, seq }: Placed): void {
    for (const change of record.changes) {
      keepRecent(change)
      gather(part.changes, change, unknownNeeds)
    }
    part.history.push(...historyOf(record, seq))
    for (const [session, mark] of part.progress.take(record, seq)) part.clients.set(session, mark)
    gathered++
  }

  function keepRecent(change: CommitRecord['changes'][number]): void {
    const { address } = change
    if (change.is === 'gone') recent.delete(address)
    else if (change.is === 'full') recent.set(address, change.state)
    else recent.set(address, applyOwning(arrayBefore(address), change.delta, owned) as unknown[])
  }

  /** Needs are not on the log: they follow from the state, and only the last one counts. */
  function withNeeds(change: FoldedChange): FoldedChange {
    const state = change.is === 'gone' ? undefined : recent.get(change.address)
    if (change.is === 'gone' || state === undefined) return change
    const options = kinds.get(kindOf(change.address))?.options
    return { ...change, needs: needsOfState(Array.isArray(state) ? stateOfArray(state) : decodeState(state), options) }
  }

  function arrayBefore(address: Address): unknown[] {
    for (const states of [recent, ...leaving]) {
      const found = states.get(address)
      if (found !== undefined) return Array.isArray(found) ? found : (decode(found) as unknown[])
    }
    return store.read(address) ?? []
  }

  return {
    position: (partition) => parts.get(partition)?.progress.position,
    early: (partition) => parts.get(partition)?.early.size ?? 0,
    get gathered() {
      return gathered
    },
    get leaving() {
      return leaving.length
    },
    take(entry) {
      const stored = parseStored(entry.subject)
      if (stored.is === 'commit') {
        if (!partitions.has(stored.partition)) return
        const record = decodeRecord(entry.data)
        holding.add(entry)
        const whole = record.is === 'part' ? joinPart(split, record) : record
        if (whole?.is === 'commit') takeRecord(whole, entry.seq)
      } else if (stored.is === 'in' && typeof stored.sender === 'number' && partitions.has(stored.sender)) {
        const { record } = decodeEnvelope(stored.address, entry.data)
        const inside = record === undefined ? undefined : decodeRecord(record)
        holding.add(entry)
        if (inside?.is === 'commit') takeRecord(inside, entry.seq)
      }
    },
    async fold() {
      const folds: Fold[] = []
      for (const [partition, part] of parts) {
        const { clients, changes, history } = part
        const { position } = part.progress
        if (history.length === 0 && changes.size === 0 && position.n === (store.partition(partition)?.n ?? 0)) continue
        folds.push({ partition: position, clients, changes: Array.from(changes.values(), withNeeds), history })
        part.clients = new Map()
        part.changes = new Map()
        part.history = []
      }
      gathered = 0
      const held = holding.take()
      if (folds.length === 0 && held === undefined) return
      leaving.unshift(recent)
      recent = new Map()
      owned = new Set()
      await store.fold(folds, held)
      leaving.pop()
    },
  }
}
