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
import type { Bus, LogEntry } from './bus.ts'
import { needsOfState } from './core/needs.ts'
import { advance, beginning } from './core/position.ts'
import { gather, historyOf } from './folder.ts'
import type { Kinds } from './residents.ts'
import { trace } from './trace.ts'

type Part = { position: FoldedPartition; changes: Map<Address, FoldedChange>; history: Fold['history'][number][] }

export type CatchUpWorld = { readonly bus: Bus; readonly store: Store; readonly kinds: Kinds }

/** `through`: the sequence of the claim, the last entry that is folded. */
export type CatchUpOptions = { readonly through: number; readonly clientKeepMs: number }

export async function catchUp(world: CatchUpWorld, partitions: ReadonlySet<number>, { through, clientKeepMs }: CatchUpOptions): Promise<void> {
  const { bus, store, kinds } = world
  const parts = new Map<number, Part>()
  const split = new Map<string, RecordPart[]>()
  /** What a difference applies to while its base is on its way into the store. */
  const arrays = new Map<Address, unknown[]>()
  let recent = new Map<Address, Uint8Array>()
  let from = Number.POSITIVE_INFINITY
  for (const partition of partitions) {
    const position = store.partition(partition) ?? beginning(partition)
    parts.set(partition, { position, changes: new Map(), history: [] })
    from = Math.min(from, position.seq + 1)
  }
  if (from > through) return
  let gathered = 0
  let folding = Promise.resolve()
  let failed: unknown

  function takeRecord(record: CommitRecord, seq: number): void {
    const part = parts.get(record.partition)
    if (part === undefined || record.n <= part.position.n) return
    if (record.n !== part.position.n + 1) throw new Fault('log.gap', { partition: record.partition, want: part.position.n + 1, have: record.n })
    for (const change of record.changes) {
      gather(part.changes, change, needsAfter(change))
      if (change.is === 'full') recent.set(change.address, change.state)
      else if (change.is === 'gone') recent.delete(change.address)
    }
    part.history.push(...historyOf(record, seq))
    part.position = advance(part.position, record, seq, clientKeepMs)
    gathered++
  }

  /** Needs are not on the log: they follow from the state. */
  function needsAfter(change: CommitRecord['changes'][number]): Needs {
    const { address } = change
    const options = kinds.get(kindOf(address))?.options
    if (change.is === 'full') {
      arrays.delete(address)
      return needsOfState(decodeState(change.state), options)
    }
    if (change.is === 'gone') return {}
    const array = applyDelta(arrays.get(address) ?? arrayBefore(address), change.delta) as unknown[]
    arrays.set(address, array)
    return needsOfState(stateOfArray(array), options)
  }

  /** The state before the first difference: gathered and not folded yet, or in the store. */
  function arrayBefore(address: Address): unknown[] {
    const before = recent.get(address)
    return before === undefined ? (store.read(address) ?? []) : (decode(before) as unknown[])
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
      if (part.history.length === 0 && part.changes.size === 0 && part.position.n === (store.partition(partition)?.n ?? 0)) continue
      folds.push({ partition: part.position, changes: [...part.changes.values()], history: part.history })
      part.changes = new Map()
      part.history = []
    }
    gathered = 0
    if (folds.length === 0) return
    const before = recent
    folding = folding.then(async () => {
      await store.fold(folds)
      if (recent === before) recent = new Map()
    })
  }

  await new Promise<void>((resolve, reject) => {
    let stop: (() => Promise<void>) | undefined
    let done = false
    const end = (): void => {
      if (done) return
      done = true
      void (stop?.() ?? Promise.resolve()).then(resolve, reject)
    }
    // The claims themselves are on the log, so the reading always comes to its end.
    bus
      .read({
        filter: `${bus.realm.name}.>`,
        from,
        onEntry(entry) {
          if (done) return
          try {
            if (entry.seq <= through) onEntry(entry)
            if (gathered >= 2000) {
              fold()
              trace({ is: 'fold.progress', read: entry.seq, of: through })
            }
            if (entry.seq >= through) end()
          } catch (error) {
            failed = error
            end()
          }
        },
      })
      .then((reading) => {
        stop = () => reading.stop()
        if (done) void reading.stop()
      }, reject)
  })
  if (failed !== undefined) throw failed
  fold()
  await folding
}
