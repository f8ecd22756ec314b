/**
 * The position of a partition, for the owner that moves it and for the store that keeps it.
 */

import type { MarkedCut } from './record.ts'

/** How far a partition has been folded, and what lives and rewinds together with that. */
export type FoldedPartition = {
  readonly partition: number
  readonly epoch: number
  readonly n: number
  /** The sequence of the last record folded. */
  readonly seq: number
  readonly cursor: number
  readonly heard: number
  readonly awayMs: number
  readonly openedAt: number
  /** When the last record was made. */
  readonly at: number
  /** Sending partition to (n, index). */
  readonly marks: Readonly<Record<number, readonly [number, number]>>
  /**
   * The highest number of visits that a deleted root had here. A root that is born counts on from
   * it, so no life under one key repeats a child's address or a timer's visit of an earlier one.
   */
  readonly visitFloor?: number
  /** The last sign of the youngest client's session that was forgotten here; nothing while none was. */
  readonly forgottenAt?: number
  /** Cuts that were recorded here before the mailbox was read as far as their markers. */
  readonly cuts?: readonly MarkedCut[]
}

/** How far the session of a client was taken: its last number, and the instant of that sign. */
export type ClientMark = readonly [session: string, n: number, at: number]

/** What becomes of the marks: a later one, or none for a session that is forgotten. */
export type ClientMoves = ReadonlyMap<string, ClientMark | undefined>
