/**
 * The position of a partition, for the owner that moves it and for the store that keeps it.
 */

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
  /** Client name to (count, instant). */
  readonly clients: Readonly<Record<string, readonly [number, number]>>
}
