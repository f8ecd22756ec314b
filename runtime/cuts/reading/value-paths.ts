/**
 * Where two values part, as paths. It serves "state paths that differ". Invariants: what is equal is
 * not named; the number of paths is counted to the end, and only so many are kept.
 */
import { isDeepStrictEqual } from 'node:util'

export type ValueChange = {
  /** From the root: `context.items.3.price`. */
  readonly path: string
  /** Nothing: it was, or is, not there. */
  readonly before: unknown
  readonly after: unknown
}

export type ValueChanges = { readonly changes: readonly ValueChange[]; readonly count: number }

type Found = { readonly changes: ValueChange[]; count: number; readonly most: number }

export function changesBetween(before: unknown, after: unknown, most: number): ValueChanges {
  const found: Found = { changes: [], count: 0, most }
  compare(before, after, [], found)
  return { changes: found.changes, count: found.count }
}

function compare(before: unknown, after: unknown, path: readonly string[], found: Found): void {
  if (Object.is(before, after)) return
  const [old, next] = [partsOf(before), partsOf(after)]
  // Also what may hold itself: the parts of both would be followed for ever.
  if (old === undefined || next === undefined || Array.isArray(before) !== Array.isArray(after) || path.length > 32) {
    if (!isDeepStrictEqual(before, after)) note(before, after, path, found)
    return
  }
  for (const key of new Set([...Object.keys(old), ...Object.keys(next)]))
    compare(old[key], next[key], [...path, key], found)
}

/** Only plain data has parts that a path can name. */
function partsOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const prototype: unknown = Object.getPrototypeOf(value)
  const isPlain = Array.isArray(value) || prototype === Object.prototype || prototype === null
  return isPlain ? (value as Record<string, unknown>) : undefined
}

function note(before: unknown, after: unknown, path: readonly string[], found: Found): void {
  found.count++
  if (found.changes.length < found.most) found.changes.push({ path: path.join('.'), before, after })
}
