/**
 * Where two lists go together: what stayed, went, came and changed. It serves the clause "its
 * new state": a conversation appends, a sliding window drops its first element, a table changes
 * one row, and each of them should cost what it changed.
 */

/** How many places are tried, in one list, to find where a shifted part goes on. */
const mostTries = 128

export type Segment =
  | { readonly is: 'keep'; readonly count: number }
  | { readonly is: 'remove'; readonly count: number }
  /** Places of the next list. */
  | { readonly is: 'insert'; readonly from: number; readonly to: number }
  | { readonly is: 'change'; readonly i: number; readonly j: number }

/** In order, and none for equal lists; what is kept at the end needs no word. */
export function alignmentOf(have: number, want: number, isSame: (i: number, j: number) => boolean): Segment[] {
  const shorter = Math.min(have, want)
  let first = 0
  while (first < shorter && isSame(first, first)) first++
  if (first === have && first === want) return []
  let last = 0
  while (last < shorter - first && isSame(have - 1 - last, want - 1 - last)) last++

  const script = openScript()
  script.keep(first)
  alignMiddle({ i: first, j: first, iEnd: have - last, jEnd: want - last }, isSame, script)
  return script.end()
}

type Middle = { i: number; j: number; readonly iEnd: number; readonly jEnd: number }

function alignMiddle(at: Middle, isSame: (i: number, j: number) => boolean, script: Script): void {
  const { iEnd, jEnd } = at
  let tries = iEnd - at.i === 1 && jEnd - at.j === 1 ? 0 : mostTries
  while (at.i < iEnd && at.j < jEnd) {
    if (isSame(at.i, at.j)) {
      script.keep(1)
      at.i++
      at.j++
      continue
    }
    // Positive: so many were removed here. Negative: so many were put in here.
    let shift = 0
    for (let by = 1; tries > 0 && shift === 0 && (at.i + by < iEnd || at.j + by < jEnd); by++, tries--) {
      if (at.i + by < iEnd && isSame(at.i + by, at.j)) shift = by
      else if (at.j + by < jEnd && isSame(at.i, at.j + by)) shift = -by
    }
    if (shift > 0) {
      script.remove(shift)
      at.i += shift
    } else if (shift < 0) {
      script.insert(at.j, at.j - shift)
      at.j -= shift
    } else {
      script.change(at.i++, at.j++)
    }
  }
  script.remove(iEnd - at.i)
  if (at.j < jEnd) script.insert(at.j, jEnd)
}

type Script = {
  keep(count: number): void
  remove(count: number): void
  insert(from: number, to: number): void
  change(i: number, j: number): void
  end(): Segment[]
}

function openScript(): Script {
  const segments: Segment[] = []
  let kept = 0
  let removed = 0
  const flush = () => {
    if (kept > 0) segments.push({ is: 'keep', count: kept })
    if (removed > 0) segments.push({ is: 'remove', count: removed })
    kept = 0
    removed = 0
  }
  return {
    keep(count) {
      if (removed > 0 && count > 0) flush()
      kept += count
    },
    remove(count) {
      removed += count
    },
    insert(from, to) {
      flush()
      segments.push({ is: 'insert', from, to })
    },
    change(i, j) {
      flush()
      segments.push({ is: 'change', i, j })
    },
    end() {
      if (removed > 0) flush()
      return segments
    },
  }
}
