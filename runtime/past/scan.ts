/**
 * What the log itself says of one actor: all records of its partition are read, and those kept that
 * name it. It serves those whose owner cannot be asked: a log of an earlier generation, no node, or
 * an instant that lies too many commits ago. Invariant: nothing between two records is left out
 * unseen, since their numbers leave no gap.
 */
import type { Address } from '#protocol/address.ts'
import { decodeEnvelope } from '#protocol/envelope.ts'
import { type AnyRecord, type CommitRecord, joinPart, type RecordPart } from '#protocol/record.ts'
import { parseStored, subjects } from '#protocol/subject.ts'
import type { Bus, LogEntry } from '#runtime/bus.ts'
import { readThrough } from '#runtime/partition/read-through.ts'
import { type Bound, isWithin } from './instant.ts'
import { type Commit, commitOf, recordIn, weighing } from './records.ts'

export type Scan = {
  readonly commits: readonly Commit[]
  /** The number of the first record that stands behind `after`, also where that lies past the bound. */
  readonly first: number | undefined
}

export type Stretch = {
  readonly partition: number
  readonly address: Address
  /** The last place that is known already. */
  readonly after: number
  readonly bound: Bound
}

export async function scanCommits(bus: Bus, { partition, address, after, bound }: Stretch): Promise<Scan> {
  const found = new Map<number, Commit>()
  const name = Buffer.from(address)
  const weigh = weighing(address)
  let first: number | undefined

  function keep(record: CommitRecord, seq: number): void {
    const commit = commitOf(record, seq, address)
    // A commit whose outcome was not known was sent again, and stands there twice.
    if (commit === undefined || found.has(record.n)) return
    weigh(commit)
    found.set(record.n, commit)
  }

  async function pass(filter: string): Promise<void> {
    const split = new Map<string, readonly RecordPart[]>()
    let isFirst = true
    await readThrough(
      bus,
      filter,
      (entry) => {
        if ('seq' in bound && entry.seq > bound.seq && !isFirst) return false
        const data = Buffer.from(entry.data.buffer, entry.data.byteOffset, entry.data.length)
        const isLate = 'time' in bound && entry.at > bound.time
        const isPart = split.size > 0 || entry.data.length > partBytes
        if (!isFirst && !isLate && !isPart && !data.includes(name)) return true
        const record = wholeIn(split, recordIn(entry, partition))
        // Envelopes of a batch carry no record, and say when that was made.
        if (record === undefined) return isFirst || !isLate || sentAt(entry) <= bound.time
        if (isFirst) first = Math.min(first ?? record.n, record.n)
        isFirst = false
        if (!isWithin(bound, { seq: entry.seq, at: record.at })) return false
        keep(record, entry.seq)
        return true
      },
      after + 1,
    )
  }

  await pass(subjects.commit(bus.realm, partition))
  await pass(subjects.sentBy(bus.realm, partition))
  return { commits: [...found.values()].toSorted((a, b) => a.n - b.n), first }
}

/** What is smaller is no part of a record that was cut up: those are cut at half of what the server takes. */
const partBytes = 24_000

function sentAt({ subject, data, at }: LogEntry): number {
  const stored = parseStored(subject)
  return stored.is === 'in' ? decodeEnvelope(stored.address, data).envelope.at : at
}

function wholeIn(split: Map<string, readonly RecordPart[]>, record: AnyRecord | undefined): CommitRecord | undefined {
  if (record?.is === 'part') return joinPart(split, record)
  return record?.is === 'commit' ? record : undefined
}
