/**
 * How long partitions were not served, read from the log alone: the server's own instants of what
 * came in and of the commits that consumed it. It believes no node.
 */
import { decodeEnvelope } from '#protocol/envelope.ts'
import { decodeRecord } from '#protocol/record.ts'
import { parseStored } from '#protocol/subject.ts'
import type { LogEntry } from '#runtime/bus.ts'

export type Hearing = {
  take(entry: LogEntry): void
  /** The longest time between two commits of a partition that touches the time from `from` to `to`. */
  silences(from: number, to: number): ReadonlyMap<number, number>
  /** The longest that an event of that time waited for its commit, by partition. */
  waits(from: number, to: number): ReadonlyMap<number, number>
  /** Events that were consumed by commits of that time. */
  consumed(from: number, to: number): number
  /** Whether somebody claimed it since then and has committed. */
  isTakenOver(partition: number, since: number): boolean
  /** The last instant on the log. */
  readonly end: number
}

type Commit = { readonly at: number; readonly steps: number }
type Wait = { readonly partition: number; readonly at: number; readonly ms: number }

export function hearingOf(): Hearing {
  const commits = new Map<number, Commit[]>()
  const came = new Map<number, number>()
  const waits: Wait[] = []
  const records = new Map<number, number>()
  const claims = new Map<number, number>()
  let end = 0

  function takeRecord(bytes: Uint8Array, at: number): void {
    const record = decodeRecord(bytes)
    if (record.is === 'claim') claims.set(record.partition, at)
    if (record.is !== 'commit' || record.n <= (records.get(record.partition) ?? 0)) return
    const { partition } = record
    records.set(partition, record.n)
    const all = commits.get(partition) ?? []
    commits.set(partition, all)
    all.push({ at, steps: record.steps.length })
    for (const { seq } of record.steps) {
      const begun = came.get(seq)
      came.delete(seq)
      if (begun !== undefined) waits.push({ partition, at: begun, ms: at - begun })
    }
  }

  return {
    get end() {
      return end
    },
    take({ subject, data, seq, at }) {
      end = at
      const stored = parseStored(subject)
      if (stored.is === 'commit') takeRecord(data, at)
      else if (stored.is === 'in') {
        came.set(seq, at)
        if (stored.sender === 'x') return
        const { record } = decodeEnvelope(stored.address, data)
        if (record !== undefined) takeRecord(record, at)
      }
    },
    silences(from, to) {
      const found = new Map<number, number>()
      for (const [partition, all] of commits) {
        let before = from
        let longest = 0
        for (const { at } of all) {
          if (at >= from) longest = Math.max(longest, at - before)
          if (at > to) break
          before = Math.max(from, at)
        }
        const last = all.at(-1)?.at ?? 0
        if (last < to) longest = Math.max(longest, to - Math.max(last, from))
        found.set(partition, longest)
      }
      return found
    },
    waits(from, to) {
      const found = new Map<number, number>()
      for (const { partition, at, ms } of waits)
        if (at >= from && at <= to) found.set(partition, Math.max(found.get(partition) ?? 0, ms))
      return found
    },
    isTakenOver(partition, since) {
      const claimedAt = claims.get(partition) ?? 0
      return claimedAt > since && (commits.get(partition)?.at(-1)?.at ?? 0) >= claimedAt
    },
    consumed(from, to) {
      let sum = 0
      for (const all of commits.values()) for (const { at, steps } of all) if (at >= from && at <= to) sum += steps
      return sum
    },
  }
}

export const worstOf = (all: ReadonlyMap<number, number>): number => Math.max(0, ...all.values())
