/**
 * Whether a node is cut off, from how long it heard nothing of the log's leader and of the other
 * nodes. Pure. Invariants: one that never had company waits, however long; as long as others are
 * heard, a log without a leader is being mended and is waited for, though not for ever.
 */
export type Silence = {
  /** Since the log's leader answered. */
  readonly logMs: number
  /** Since any other node was heard. */
  readonly othersMs: number
  /** Whether others lived when the log was last heard. */
  readonly hadCompany: boolean
}

export type IsolationLimits = {
  readonly isolationMs: number
  readonly isolationMostMs: number
}

export function isCutOff(
  { logMs, othersMs, hadCompany }: Silence,
  { isolationMs, isolationMostMs }: IsolationLimits,
): boolean {
  if (!hadCompany || logMs < isolationMs) return false
  return othersMs >= isolationMs || logMs >= isolationMostMs
}
