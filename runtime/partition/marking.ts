/**
 * The cuts that a partition meets: "a marker into every partition's mailbox". Invariants: each is
 * recorded once, by a commit that carries nothing else and whose cursor lies at or before the
 * marker; everything that was committed before it is in it, and nothing else.
 *
 * A partition may be told of a marker before its reading comes to it: with a long mailbox the cut
 * would otherwise wait until all of it was stepped. What lies between is then in flight.
 */
import type { FoldedPartition } from '#protocol/folded.ts'
import type { Staged } from '#runtime/core/compose.ts'

export type Marking = {
  /** The reading has come to a marker. */
  meet(cut: string, marker: number): Staged
  /** There is a marker further on; nothing when this cut was recorded, or reading is past it. */
  foresee(cut: string, marker: number): Staged | undefined
}

/** More cuts than this never overlap; what is older than their markers was consumed long ago. */
const knownMost = 64

export function markingOf({ cuts = [], cursor }: Pick<FoldedPartition, 'cuts' | 'cursor'>): Marking {
  const known = new Set(cuts.map(([id]) => id))
  let read = cursor

  function note(cut: string): void {
    known.add(cut)
    const [oldest] = known
    if (known.size > knownMost && oldest !== undefined) known.delete(oldest)
  }

  return {
    meet(cut, marker) {
      read = Math.max(read, marker)
      const step = stepOf(marker)
      if (known.has(cut)) return { ...step, cursor: marker }
      note(cut)
      return { ...step, cursor: marker, cut: [cut, marker] }
    },
    foresee(cut, marker) {
      if (known.has(cut) || marker <= read) return undefined
      note(cut)
      return { ...stepOf(0), cut: [cut, marker] }
    },
  }
}

function stepOf(seq: number): Staged {
  return {
    address: '/',
    changes: [],
    needs: [],
    outputs: [],
    deeds: [],
    note: { seq, type: 'perdure.marker' },
    cursor: undefined,
    mark: undefined,
    client: undefined,
    traceparent: undefined,
    raw: undefined,
  }
}
