/**
 * How far a partition is: cursor, marks and numbers move together with each record, for the
 * owner that wrote it and for a fold that reads it. They live and rewind together.
 */
import type { CommitRecord } from '#protocol/record.ts'
import type { FoldedPartition } from '#protocol/folded.ts'

export function beginning(partition: number): FoldedPartition {
  return {
    partition,
    epoch: 0,
    n: 0,
    seq: 0,
    cursor: 0,
    heard: 0,
    awayMs: 0,
    openedAt: 0,
    at: 0,
    marks: {},
    clients: {},
  }
}

/** Below this many clients nobody needs to be forgotten. */
const clientsFew = 64

/**
 * `clientKeepMs`: a client that was silent for longer retries nothing any more. Silent by the log's
 * time: of what waited there while no node ran, the rest of a client's events is still to come.
 */
export function advance(
  before: FoldedPartition,
  record: CommitRecord,
  seq: number,
  clientKeepMs: number,
): FoldedPartition {
  const { partition, epoch, n, cursor, heard, awayMs, openedAt, at } = record
  let { marks, clients } = before
  if (record.marks.length > 0) {
    const moved: Record<number, readonly [number, number]> = { ...marks }
    for (const [sender, count, index] of record.marks) moved[sender] = [count, index]
    marks = moved
  }
  if (record.clients.length > 0) {
    const moved: Record<string, readonly [number, number]> = { ...clients }
    let newest = 0
    for (const [name, count, instant] of record.clients) {
      moved[name] = [count, instant]
      newest = Math.max(newest, instant)
    }
    clients =
      Object.keys(moved).length < clientsFew
        ? moved
        : Object.fromEntries(Object.entries(moved).filter(([, [, last]]) => last > newest - clientKeepMs))
  }
  return { partition, epoch, n, seq, cursor, heard, awayMs, openedAt, at, marks, clients }
}
