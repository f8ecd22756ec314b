/**
 * Folds what the log holds beyond the store: after a restart the little that was committed but
 * not folded, after the loss of the store everything. One reading of the whole stream serves all
 * partitions. Invariant: records are taken by their numbers, n = last + 1; lower ones are copies,
 * a gap means that the log begins after the store's end.
 */
import type { Address } from '#protocol/address.ts'
import { kindOf } from '#protocol/address.ts'
import { decodeEnvelope } from '#protocol/envelope.ts'
import { Fault } from '#protocol/fault.ts'
import { type CommitRecord, decodeRecord, type RecordPart } from '#protocol/record.ts'
import { decodeState, stateOfArray } from '#protocol/state.ts'
import { parseStored } from '#protocol/subject.ts'
import { apply as applyDelta } from '#protocol/delta.ts'
import { decode } from '#protocol/codec.ts'
import type { Fold, FoldedChange, FoldedPartition, Needs, Store } from '#store/store.ts'
import type { Bus, LogEntry, Reading } from './bus.ts'
import { needsOfState } from './core/needs.ts'
import { advance, beginning } from './core/position.ts'
import { gather, historyOf } from './folder.ts'
import type { Kinds } from './residents.ts'
import { trace } from './trace.ts'

/** Records that are folded in one transaction. */
const gatheredMost = 2000

/** Such parts that may wait for the store. */
const leavingMost = 4

type Recent = Map<Address, Uint8Array | unknown[]>

type Part = { position: FoldedPartition; changes: Map<Address, FoldedChange>; history: Fold['history'][number][] }

export type CatchUpWorld = { readonly bus: Bus; readonly store: Store; readonly kinds: Kinds }

/** `through`: the sequence of the claim, the last entry that is folded. */
export type CatchUpOptions = { readonly through: number; readonly clientKeepMs: number }

export async function catchUp(
  world: CatchUpWorld,
  partitions: ReadonlySet<number>,
  { through, clientKeepMs }: CatchUpOptions,
): Promise<void> {
  const { bus, store, kinds } = world
  const parts = new Map<number, Part>()
  const split = new Map<string, RecordPart[]>()
  /** States that the store does not have yet, encoded or put together: what differences apply to. */
  let recent: Recent = new Map()
  /** Those on their way into the store, newest first. */
  const leaving: Recent[] = []
  let reading: Reading | undefined
  let from = Number.POSITIVE_INFINITY
  for (const partition of partitions) {
    const position = store.partition(partition) ?? beginning(partition)
    parts.set(partition, { position, changes: new Map(), history: [] })
    from = Math.min(from, position.seq + 1)
  }
  if (from > through) return
  let gathered = 0
  let folding = Promise.resolve()

  function takeRecord(record: CommitRecord, seq: number): void {
    const part = parts.get(record.partition)
    if (part === undefined || record.n <= part.position.n) return
    if (record.n !== part.position.n + 1)
      throw new Fault('log.gap', { partition: record.partition, want: part.position.n + 1, have: record.n })
    for (const change of record.changes) {
      gather(part.changes, change, needsAfter(change))
    }
    part.history.push(...historyOf(record, seq))
    part.position = advance(part.position, record, seq, clientKeepMs)
    gathered++
  }

  /** Needs are not on the log: they follow from the state. */
  function needsAfter(change: CommitRecord['changes'][number]): Needs {
    const { address } = change
    const options = kinds.get(kindOf(address))?.options
    if (change.is === 'gone') {
      recent.delete(address)
      return {}
    }
    if (change.is === 'full') {
      recent.set(address, change.state)
      return needsOfState(decodeState(change.state), options)
    }
    const array = applyDelta(arrayBefore(address), change.delta) as unknown[]
    recent.set(address, array)
    return needsOfState(stateOfArray(array), options)
  }

  function arrayBefore(address: Address): unknown[] {
    for (const states of [recent, ...leaving]) {
      const found = states.get(address)
      if (found !== undefined) return Array.isArray(found) ? found : (decode(found) as unknown[])
    }
    return store.read(address) ?? []
  }

  function onEntry(entry: LogEntry): void {
    const stored = parseStored(entry.subject)
    if (stored.is === 'commit') {
      if (!partitions.has(stored.partition)) return
      const record = decodeRecord(entry.data)
      if (record.is === 'commit') takeRecord(record, entry.seq)
      else if (record.is === 'part') joinPart(record, entry.seq)
    } else if (stored.is === 'in' && typeof stored.sender === 'number' && partitions.has(stored.sender)) {
      const { record } = decodeEnvelope(stored.address, entry.data)
      const inside = record === undefined ? undefined : decodeRecord(record)
      if (inside?.is === 'commit') takeRecord(inside, entry.seq)
    }
  }

  function joinPart(part: RecordPart, seq: number): void {
    const key = `${part.partition}.${part.epoch}.${part.n}`
    const all = [...(split.get(key) ?? []), part]
    if (all.length < part.parts) return void split.set(key, all)
    split.delete(key)
    const whole = decodeRecord(Buffer.concat(all.sort((a, b) => a.part - b.part).map((one) => one.bytes)))
    if (whole.is === 'commit') takeRecord(whole, seq)
  }

  function fold(): void {
    const folds: Fold[] = []
    for (const [partition, part] of parts) {
      if (
        part.history.length === 0 &&
        part.changes.size === 0 &&
        part.position.n === (store.partition(partition)?.n ?? 0)
      )
        continue
      folds.push({ partition: part.position, changes: [...part.changes.values()], history: part.history })
      part.changes = new Map()
      part.history = []
    }
    gathered = 0
    if (folds.length === 0) return
    leaving.unshift(recent)
    recent = new Map()
    // A log may be far larger than the memory: reading waits for the store.
    if (leaving.length >= leavingMost) reading?.pause()
    folding = folding.then(async () => {
      await store.fold(folds)
      leaving.pop()
      if (leaving.length < leavingMost) reading?.resume()
    })
    folding.catch(fail)
  }

  let fail: (error: unknown) => void = () => undefined
  try {
    await new Promise<void>((resolve, reject) => {
      fail = reject
      // The claims themselves are on the log, so the reading always comes to its end.
      const filter = `${bus.realm.name}.>`
      let isDone = false
      const onRead = (entry: LogEntry): void => {
        if (isDone) return
        try {
          if (entry.seq <= through) onEntry(entry)
          if (gathered >= gatheredMost) {
            fold()
            trace({ is: 'fold.progress', read: entry.seq, of: through })
          }
          if (entry.seq < through) return
          resolve()
        } catch (error) {
          reject(error)
        }
        isDone = true
      }
      bus.read({ filter, from, onEntry: onRead }).then((opened) => {
        reading = opened
        if (isDone) void opened.stop()
      }, reject)
    })
  } finally {
    await reading?.stop()
  }
  fold()
  await folding
}
