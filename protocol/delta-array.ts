/**
 * Lists that grow, slide and change in the middle, without rewriting what stayed. It serves the
 * clause "its new state": a conversation appends, a sliding window drops its first element, a
 * table changes one row, and each of them should cost what it changed.
 */
import { op, type Patch } from './delta-patch.ts'
import { comparePatch } from './delta-walk.ts'
import { isSame, type Walk } from './shadow.ts'

/** How many places are tried, in one list, to find where a shifted part goes on. */
const mostTries = 128

export function alignArrays(have: readonly unknown[], want: readonly unknown[], walk: Walk, depth: number): Patch | undefined {
  const shorter = Math.min(have.length, want.length)
  let first = 0
  while (first < shorter && isSame(have[first], want[first], walk, depth + 1)) first++
  if (first === have.length && first === want.length) return undefined
  let last = 0
  while (last < shorter - first && isSame(have[have.length - 1 - last], want[want.length - 1 - last], walk, depth + 1)) last++

  const script = openScript(have.length)
  script.keep(first)
  alignMiddle(have.slice(first, have.length - last), want.slice(first, want.length - last), script, walk, depth)
  return script.patch()
}

function alignMiddle(have: readonly unknown[], want: readonly unknown[], script: Script, walk: Walk, depth: number): void {
  let i = 0
  let j = 0
  let tries = have.length === 1 && want.length === 1 ? 0 : mostTries
  while (i < have.length && j < want.length) {
    if (isSame(have[i], want[j], walk, depth + 1)) {
      script.keep(1)
      i++
      j++
      continue
    }
    // Positive: so many were removed here. Negative: so many were put in here.
    let shift = 0
    for (let by = 1; tries > 0 && shift === 0 && (i + by < have.length || j + by < want.length); by++, tries--) {
      if (i + by < have.length && isSame(have[i + by], want[j], walk, depth + 1)) shift = by
      else if (j + by < want.length && isSame(have[i], want[j + by], walk, depth + 1)) shift = -by
    }
    if (shift > 0) {
      script.remove(shift)
      i += shift
    } else if (shift < 0) {
      script.insert(want.slice(j, j - shift))
      j -= shift
    } else {
      const patch = comparePatch(have[i++], want[j++], walk, depth + 1)
      if (patch === undefined) script.keep(1)
      else script.change(patch)
    }
  }
  script.remove(have.length - i)
  if (j < want.length) script.insert(want.slice(j))
}

type Script = {
  keep(count: number): void
  remove(count: number): void
  insert(items: readonly unknown[]): void
  change(patch: Patch): void
  patch(): Patch
}

/** Writes segments; what is kept at the end needs no word. */
function openScript(length: number): Script {
  const segments: [number, ...unknown[]] = [op.array, length]
  let kept = 0
  let removed = 0
  const flush = () => {
    if (kept > 0) segments.push(kept)
    if (removed > 0) segments.push(-removed)
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
    insert(items) {
      flush()
      segments.push(items)
    },
    change(patch) {
      flush()
      segments.push(0, patch)
    },
    patch() {
      if (removed > 0) flush()
      return segments
    },
  }
}
