/**
 * Differences between two states of one actor, small when little changed, and the writer that
 * decides for each state in which form it is stored. They serve the clause "its new state".
 * Invariant: `apply(base, diff(shadow of base, next))` is what storing `next` whole would give,
 * the order of keys included (only the identity of parts that stand in several places is lost).
 */
import { decode, encode } from './codec.ts'
import { deltaFormat, op, type Patch, patched } from './delta-patch.ts'
import { comparePatch } from './delta-walk.ts'
import { Fault, isFault } from './fault.ts'
import { copyOf, giveUp, plainOf } from './shadow.ts'

export { apply, applyAll, applyOwning } from './delta-patch.ts'

/** What was stored last, for one actor. */
export type Shadow = { root: unknown }

/** A value put in at once may hold this many containers; more are stored whole. */
const mostContainers = 1_000_000

/** A shadow that equals nothing: the next difference is the whole value. */
const untracked = Symbol('untracked')

export function shadowOf(value: unknown, most = mostContainers): Shadow {
  try {
    return { root: copyOf(value, { nodesLeft: most }) }
  } catch (error) {
    if (error === giveUp) return { root: untracked }
    throw error
  }
}

export function diff(shadow: Shadow, next: unknown): Uint8Array | undefined {
  const patch = patchOf(shadow, next)
  return patch === undefined ? undefined : encode([deltaFormat, patch])
}

/** The difference, with the shadow moved on to `next`. When it throws, the shadow stands where it stood. */
export function advance(shadow: Shadow, next: unknown): Uint8Array | undefined {
  const patch = patchOf(shadow, next)
  if (patch === undefined) return undefined
  const bytes = encode([deltaFormat, patch])
  if (shadow.root !== untracked) shadow.root = moved(shadow.root, patch)
  return bytes
}

function patchOf(shadow: Shadow, next: unknown): Patch | undefined {
  try {
    return shadow.root === untracked ? [op.replace, next] : comparePatch(shadow.root, next)
  } catch (error) {
    if (error === giveUp) return [op.replace, next]
    throw error
  }
}

function moved(root: unknown, patch: Patch): unknown {
  const bounds = { nodesLeft: mostContainers }
  try {
    // In place: a shadow shares nothing with anybody, and holds no part twice.
    return patched(root, patch, { owned: 'all', take: (value) => copyOf(value, bounds) })
  } catch (error) {
    if (error === giveUp) return untracked
    throw error
  }
}

export type WrittenState =
  | { readonly is: 'full'; readonly bytes: Uint8Array }
  | { readonly is: 'delta'; readonly bytes: Uint8Array }
  | { readonly is: 'same' }

/**
 * One for each resident actor. Invariant: the forms it gave, put together in order, are the
 * state, as long as each of them was committed. It knows sizes, no clock.
 */
export type StateWriter = {
  /** The array form of the state (see `stateArrayOf`). Throws `actor.unserializable` or `actor.tooBig`, and then counts as not called. */
  write(array: readonly unknown[], bytesMost?: number): WrittenState
  /** A fresh copy of what was written last (or stored before), whatever was done to the array since. */
  current(): unknown[] | undefined
}

/** Below this many bytes a whole state costs no more than keeping a shadow and walking it. */
const smallBytes = 2048

/** A difference that comes near the whole is no gain to the log, and a burden to each reader. */
const largestShare = 2 / 3

/** After so many differences a state is looked at again: it may have become small. */
const checkEvery = 64

/** What the writer remembers: the bytes of a small state, the shadow of a large one. */
type Last =
  | { readonly is: 'bytes'; readonly bytes: Uint8Array }
  | { readonly is: 'shadow'; readonly shadow: Shadow; bytes: number; deltas: number }

/**
 * `stored` is what was read, before anything could change it in place: an actor that rests
 * between its turns must still be able to write a small difference at the next one.
 */
export function openStateWriter(stored?: readonly unknown[], name = 'this actor'): StateWriter {
  let last: Last | undefined = stored === undefined ? undefined : lastOf(stored, encode(stored))

  function write(array: readonly unknown[], bytesMost: number): WrittenState {
    if (last?.is === 'shadow') {
      const written = writeDifference(last, array, bytesMost)
      if (written !== undefined) return written
    }
    const bytes = encode(array)
    if (bytes.length > bytesMost) throw new Fault('actor.tooBig', { value: name, size: bytes.length, limit: bytesMost })
    last = lastOf(array, bytes)
    return { is: 'full', bytes }
  }
  return {
    write(array, bytesMost = Number.POSITIVE_INFINITY) {
      try {
        return write(array, bytesMost)
      } catch (cause) {
        if (isFault(cause, 'actor.tooBig')) throw cause
        throw new Fault('actor.unserializable', { value: name, reason: reasonOf(cause) }, { cause })
      }
    },
    current() {
      if (last === undefined) return undefined
      return (last.is === 'bytes' ? decode(last.bytes) : plainOf(last.shadow.root)) as unknown[]
    },
  }
}

function lastOf(array: readonly unknown[], bytes: Uint8Array): Last {
  if (bytes.length < smallBytes) return { is: 'bytes', bytes }
  // Each container takes at least a byte; where more are met, parts stand in several places.
  const shadow = shadowOf(array, bytes.length + 64)
  return shadow.root === untracked ? { is: 'bytes', bytes } : { is: 'shadow', shadow, bytes: bytes.length, deltas: 0 }
}

/** Nothing when the whole is the better form. */
function writeDifference(
  last: Last & { is: 'shadow' },
  array: readonly unknown[],
  bytesMost: number,
): WrittenState | undefined {
  if (last.shadow.root === untracked) return undefined
  if (last.deltas >= checkEvery) {
    if (isSmall(array)) return undefined
    last.deltas = 0
  }
  const patch = patchOf(last.shadow, array)
  if (patch === undefined) return { is: 'same' }
  const bytes = encode([deltaFormat, patch])
  if (bytes.length > last.bytes * largestShare || last.bytes + bytes.length > bytesMost) return undefined
  last.shadow.root = moved(last.shadow.root, patch)
  // An upper bound while parts are removed; exact again after the next whole one.
  last.bytes += bytes.length
  last.deltas++
  return { is: 'delta', bytes }
}

function reasonOf(cause: unknown): string {
  if (isFault(cause)) return String(cause.details.reason)
  return cause instanceof Error ? cause.message : String(cause)
}

/** By a bounded walk, not by encoding. */
function isSmall(array: readonly unknown[]): boolean {
  let bytes = 0
  const rest: unknown[] = [array]
  while (rest.length > 0) {
    const item = rest.pop()
    bytes += typeof item === 'string' ? item.length + 1 : typeof item === 'number' ? 4 : 1
    if (typeof item === 'object' && item !== null) bytes += partsOf(item, rest)
    if (bytes >= smallBytes) return false
  }
  return true
}

function partsOf(item: object, rest: unknown[]): number {
  if (ArrayBuffer.isView(item)) return item.byteLength
  if (item instanceof Map) {
    for (const [key, part] of item) rest.push(key, part)
  } else if (Array.isArray(item) || item instanceof Set) {
    for (const part of item) rest.push(part)
  } else {
    for (const key in item) rest.push((item as Record<string, unknown>)[key])
  }
  return 2
}
