/**
 * The walk that compares a shadow with the next value and writes down what differs. It serves
 * the clause "its new state". Invariant: it trusts no reference equality of containers, because
 * contexts are changed in place; and it changes nothing, so that a value that cannot be stored
 * leaves the shadow as it was.
 */
import { alignmentOf } from './delta-array.ts'
import { op, type Patch } from './delta-patch.ts'
import { textPatchOf } from './delta-text.ts'
import { deepest, giveUp, isSame, kindOfValue, Opaque } from './shadow.ts'

type Plain = Readonly<Record<string, unknown>>

export function comparePatch(shadow: unknown, next: unknown, depth = 0): Patch | undefined {
  if (typeof shadow === 'string' && typeof next === 'string')
    return shadow === next ? undefined : textPatchOf(shadow, next)
  if (depth > deepest) throw giveUp
  const kind = kindOfValue(next)
  if (!(shadow instanceof Opaque) && kindOfValue(shadow) === kind) {
    switch (kind) {
      case 'object':
        return compareObjects(shadow as Plain, next as Plain, depth)
      case 'array':
        // The outermost array is a tuple: its fields have places, and do not move.
        return depth === 0
          ? compareTuples(shadow as unknown[], next as unknown[])
          : compareArrays(shadow as unknown[], next as unknown[], depth)
      case 'map':
        return compareMaps(shadow as Map<unknown, unknown>, next as Map<unknown, unknown>, depth)
      case 'set':
        return compareSets(shadow as Set<unknown>, next as Set<unknown>)
      default:
    }
  }
  return isSame(shadow, next, depth) ? undefined : [op.replace, next]
}

function compareObjects(shadow: Plain, next: Plain, depth: number): Patch | undefined {
  const have = Object.keys(shadow)
  const want = Object.keys(next)
  const changes: unknown[] = []
  const kept: string[] = []
  const added: string[] = []
  for (const key of have) {
    if (Object.hasOwn(next, key)) kept.push(key)
    else changes.push(key, 0)
  }
  let untouched = 0
  for (const key of want) {
    const known = Object.hasOwn(shadow, key)
    if (!known) added.push(key)
    const patch: Patch | undefined = known ? comparePatch(shadow[key], next[key], depth + 1) : [op.replace, next[key]]
    if (patch !== undefined) changes.push(key, patch)
    if (patch === undefined || patch[0] !== op.replace) untouched++
  }
  if (!isOrderAfter(kept, added, want)) return [op.ordered, want, ...changes]
  if (changes.length === 0) return undefined
  // Nothing of the old object is left: its keys need not be named twice.
  return untouched === 0 ? [op.replace, next] : [op.object, ...changes]
}

/** Whether removing and adding alone gives this order. Keys that are numbers find their places by themselves. */
function isOrderAfter(kept: readonly string[], added: readonly string[], want: readonly string[]): boolean {
  const expected = added.length === 0 ? kept : [...kept, ...added]
  if (isEqualList(expected, want)) return true
  return isEqualList(Object.keys(Object.fromEntries(expected.map((key) => [key, 0]))), want)
}

function isEqualList(a: readonly unknown[], b: readonly unknown[]): boolean {
  for (let at = 0; at < a.length; at++) if (!Object.is(a[at], b[at])) return false
  return a.length === b.length
}

function compareTuples(shadow: readonly unknown[], next: readonly unknown[]): Patch | undefined {
  const patch: [number, ...unknown[]] = [op.array, shadow.length]
  const both = Math.min(shadow.length, next.length)
  let kept = 0
  for (let at = 0; at < both; at++) {
    const change = comparePatch(shadow[at], next[at], 1)
    if (change === undefined) {
      kept++
      continue
    }
    if (kept > 0) patch.push(kept)
    patch.push(0, change)
    kept = 0
  }
  if (kept > 0 && shadow.length !== next.length) patch.push(kept)
  if (shadow.length > both) patch.push(both - shadow.length)
  if (next.length > both) patch.push(next.slice(both))
  return patch.length === 2 ? undefined : patch
}

function compareArrays(shadow: readonly unknown[], next: readonly unknown[], depth: number): Patch | undefined {
  const segments = alignmentOf(shadow.length, next.length, (i, j) => isSame(shadow[i], next[j], depth + 1))
  if (segments.length === 0) return undefined
  const patch: [number, ...unknown[]] = [op.array, shadow.length]
  for (const segment of segments) {
    if (segment.is === 'keep') patch.push(segment.count)
    else if (segment.is === 'remove') patch.push(-segment.count)
    else if (segment.is === 'insert') patch.push(next.slice(segment.from, segment.to))
    else patch.push(0, comparePatch(shadow[segment.i], next[segment.j], depth + 1) ?? [op.replace, next[segment.j]])
  }
  return patch
}

function compareMaps(
  shadow: ReadonlyMap<unknown, unknown>,
  next: ReadonlyMap<unknown, unknown>,
  depth: number,
): Patch | undefined {
  const changes: unknown[] = []
  const expected: unknown[] = []
  for (const key of shadow.keys()) {
    if (next.has(key)) expected.push(key)
    else changes.push(key, 0)
  }
  for (const [key, item] of next) {
    const known = shadow.has(key)
    if (!known) expected.push(key)
    const patch: Patch | undefined = known ? comparePatch(shadow.get(key), item, depth + 1) : [op.replace, item]
    if (patch !== undefined) changes.push(key, patch)
  }
  if (!isEqualList(expected, [...next.keys()])) return [op.replace, next]
  return changes.length === 0 ? undefined : [op.map, ...changes]
}

function compareSets(shadow: ReadonlySet<unknown>, next: ReadonlySet<unknown>): Patch | undefined {
  const removed: unknown[] = []
  const added: unknown[] = []
  const kept: unknown[] = []
  for (const item of shadow) (next.has(item) ? kept : removed).push(item)
  for (const item of next) if (!shadow.has(item)) added.push(item)
  if (!isEqualList([...kept, ...added], [...next])) return [op.replace, next]
  return removed.length + added.length === 0 ? undefined : [op.set, removed, added]
}
