/**
 * Whether anything happened since a cut. It serves the schedule, which takes none of a realm at rest.
 * Invariant: what is not known to be of no account happened.
 *
 * Behind the last marker commit there is always something: a partition that recorded before it came
 * to its marker says afterwards that it read it, other cuts leave markers, nodes claim partitions.
 */
import { decodeRecord } from '#protocol/record.ts'
import { parseStored } from '#protocol/subject.ts'
import type { Bus, LogEntry } from '#runtime/bus.ts'

/** More than this many entries for each partition are no leftovers of cuts any more. */
const leftMost = 8

export async function isAnythingSince(bus: Bus, commit: number): Promise<boolean> {
  const { lastSeq } = await (bus.order?.state() ?? bus.logState())
  const last = bus.order?.positionOf(lastSeq) ?? lastSeq
  if (last - commit > leftMost * bus.realm.partitions) return true
  for (let at = commit + 1; at <= last; at++) {
    const entry = await bus.get(at)
    if (entry !== undefined && isOfAccount(entry)) return true
  }
  return false
}

function isOfAccount({ subject, data }: LogEntry): boolean {
  const stored = parseStored(subject)
  if (stored.is === 'cut') return false
  if (stored.is === 'in') return stored.sender !== 'm'
  if (stored.is !== 'commit' || subject.endsWith('.mended')) return true
  const record = decodeRecord(data)
  return record.is === 'claim' ? false : record.is !== 'commit' || record.changes.length > 0
}
