/**
 * What of a partition's commits is held beside the fold: the clause "one atomic commit to the
 * realm's log", for a log that may forget it. Invariant: what a partition sent is held by whoever
 * owns that one, so of what was consumed only the rest is.
 */
import type { HeldEntry } from '#protocol/held.ts'
import type { LogEntry } from '#runtime/bus.ts'
import type { Admitted } from '#runtime/core/admission.ts'
import type { Plan } from '#runtime/core/compose.ts'
import type { HoldOptions } from './holding.ts'

export type Hold = {
  /** It is stepped, and may be in the next commit. */
  note(admitted: Admitted | undefined, entry: LogEntry): void
  /** All that a commit consumed and appended; its record's last entry stands at `seq`. */
  of(commit: { readonly plan: Plan; readonly cursor: number; readonly seq: number }): readonly HeldEntry[]
}

export function holdOf({ mendKeepMs }: HoldOptions): Hold {
  const taken: LogEntry[] = []
  return {
    note(admitted, entry) {
      if (mendKeepMs === 0 || (admitted?.is !== 'envelope' && admitted?.is !== 'refused')) return
      if (typeof admitted.envelope.sender !== 'number') taken.push(entry)
    },
    of({ plan: { entries, recordEnd }, cursor, seq }) {
      if (mendKeepMs === 0) return []
      let count = 0
      while (count < taken.length && (taken[count] as LogEntry).seq <= cursor) count++
      const held: HeldEntry[] = taken.splice(0, count)
      // All entries of a commit are contiguous.
      entries.forEach(({ subject, data }, index) => held.push({ seq: seq - recordEnd + index, subject, data, at: 0 }))
      return held
    },
  }
}
