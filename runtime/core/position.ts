/**
 * How far a partition is: cursor, marks and numbers move together with each record, for the
 * owner that wrote it and for a fold that reads it. They live and rewind together.
 */
import type { CommitRecord } from '#protocol/record.ts'
import type { ClientMark, ClientMoves, FoldedPartition } from '#protocol/folded.ts'
import { type SessionLimits, type Sessions, sessionsOf } from './sessions.ts'

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
  }
}

/** A partition's position and its clients' sessions, which move on together. */
export type Progress = {
  readonly position: FoldedPartition
  /** Takes the next record; what becomes of the clients' marks is written beside the position. */
  take(record: CommitRecord, seq: number): ClientMoves
}

export type Begun = { readonly position: FoldedPartition; readonly clients: Iterable<ClientMark> }

/**
 * The sessions are no part of the position itself: an outsider may open one for each event, and a
 * commit must not cost more for all that were opened before it.
 */
export function progressOf(begun: Begun, limits: SessionLimits): Progress {
  let { position } = begun
  const sessions = sessionsOf({ clients: begun.clients, forgottenAt: position.forgottenAt ?? 0 }, limits)
  return {
    get position() {
      return position
    },
    take(record, seq) {
      const moves = movesOf(sessions, record.clients)
      position = advance(position, record, seq)
      const { forgottenAt } = sessions
      if (forgottenAt > 0) position = { ...position, forgottenAt }
      return moves
    },
  }
}

const still: ClientMoves = new Map()

function movesOf(sessions: Sessions, marks: CommitRecord['clients']): ClientMoves {
  if (marks.length === 0) return still
  const moves = new Map<string, ClientMark | undefined>()
  for (const mark of marks) {
    moves.set(mark[0], mark)
    for (const session of sessions.note(mark)) moves.set(session, undefined)
  }
  return moves
}

function advance(before: FoldedPartition, record: CommitRecord, seq: number): FoldedPartition {
  const { partition, epoch, n, cursor, heard, awayMs, openedAt, at } = record
  let { marks } = before
  if (record.marks.length > 0) {
    const moved: Record<number, readonly [number, number]> = { ...marks }
    for (const [sender, count, index] of record.marks) moved[sender] = [count, index]
    marks = moved
  }
  const visitFloor = floorAfter(before.visitFloor, record)
  const cuts = cutsAfter(before.cuts, record)
  return {
    ...{ partition, epoch, n, seq, cursor, heard, awayMs, openedAt, at, marks },
    ...(visitFloor === undefined ? {} : { visitFloor }),
    ...(cuts === undefined ? {} : { cuts }),
  }
}

/** A cut that was recorded before its marker was read must not be recorded again by whoever reads it. */
function cutsAfter(before: FoldedPartition['cuts'], { cut, cursor }: CommitRecord): FoldedPartition['cuts'] {
  if (before === undefined && cut === undefined) return undefined
  const ahead = [...(before ?? []), ...(cut === undefined ? [] : [cut])].filter(([, marker]) => marker > cursor)
  return ahead.length === 0 ? undefined : ahead
}

function floorAfter(before: number | undefined, { changes }: CommitRecord): number | undefined {
  let floor = before
  for (const change of changes)
    if (change.is === 'gone' && change.visits !== undefined) floor = Math.max(floor ?? 0, change.visits)
  return floor
}
