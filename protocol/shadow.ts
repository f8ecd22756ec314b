/**
 * A shadow is a deep copy of a state's containers (the primitives are shared) that remembers
 * what was stored last. It serves the clause "its new state": users change contexts in place, so
 * only a copy can say what a step changed. Invariant: a shadow holds no container of its
 * original, so nothing that a user does later can change it.
 *
 * The kinds follow what the codec does with a value: an instance of a class is stored as the
 * plain data of its own fields, unless it brings a `toJSON`; its prototype is lost.
 */
import { decode, encode, Ref } from './codec.ts'

/** A value that is compared whole, by its bytes: errors, expressions, and what brings `toJSON`. */
export class Opaque {
  readonly bytes: Uint8Array
  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }
}

/** Bounds a copy: cycles and values that share parts many times over never end as a tree. */
export type Bounds = { nodesLeft: number }

/** Thrown by a walk that met its bounds; the caller stores the value whole instead. */
export const giveUp = new Error('a value that does not end as a tree')

export const deepest = 400

export type Kind = 'plain' | 'object' | 'array' | 'map' | 'set' | 'date' | 'typed' | 'ref' | 'opaque'

type TypedArray = Uint8Array
type Plain = Record<string, unknown>

export function kindOfValue(value: unknown): Kind {
  if (typeof value === 'function' || typeof value === 'symbol') return 'opaque'
  if (typeof value !== 'object' || value === null) return 'plain'
  if (Array.isArray(value)) return 'array'
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === Object.prototype) return Object.hasOwn(value, '__proto__') ? 'opaque' : 'object'
  if (prototype === Map.prototype) return hasPlainKeys((value as Map<unknown, unknown>).keys()) ? 'map' : 'opaque'
  if (prototype === Set.prototype) return hasPlainKeys((value as Set<unknown>).values()) ? 'set' : 'opaque'
  if (prototype === Date.prototype) return 'date'
  if (prototype === Ref.prototype) return 'ref'
  if (ArrayBuffer.isView(value)) return value instanceof DataView ? 'opaque' : 'typed'
  if (value instanceof Opaque) return 'opaque'
  return isStoredByFields(value) ? 'object' : 'opaque'
}

function hasPlainKeys(keys: Iterable<unknown>): boolean {
  for (const key of keys) if ((typeof key === 'object' && key !== null) || typeof key === 'function') return false
  return true
}

function isStoredByFields(value: object): boolean {
  return !(
    typeof (value as { toJSON?: unknown }).toJSON === 'function' ||
    value instanceof Error ||
    value instanceof RegExp ||
    value instanceof ArrayBuffer ||
    value instanceof Map ||
    value instanceof Set ||
    value instanceof Date ||
    Object.hasOwn(value, '__proto__')
  )
}

export function copyOf(value: unknown, bounds: Bounds, depth = 0): unknown {
  if (typeof value !== 'object' || value === null) {
    if (typeof value === 'function' || typeof value === 'symbol') encode(value) // throws: neither can be stored
    return value
  }
  if (--bounds.nodesLeft < 0 || depth > deepest) throw giveUp
  switch (kindOfValue(value)) {
    case 'array': {
      const array = value as unknown[]
      const copy: unknown[] = []
      for (let at = 0; at < array.length; at++) copy.push(copyOf(array[at], bounds, depth + 1))
      return copy
    }
    case 'object': {
      const copy: Plain = {}
      for (const key of Object.keys(value)) copy[key] = copyOf((value as Plain)[key], bounds, depth + 1)
      return copy
    }
    case 'map': {
      const copy = new Map<unknown, unknown>()
      for (const [key, item] of value as Map<unknown, unknown>) copy.set(key, copyOf(item, bounds, depth + 1))
      return copy
    }
    case 'set':
      return new Set(value as Set<unknown>)
    case 'date':
      return new Date((value as Date).getTime())
    case 'typed':
      return copyOfTyped(value as TypedArray)
    case 'ref':
      return value
    default:
      return value instanceof Opaque ? value : new Opaque(encode(value))
  }
}

/** The way back: what the shadow stands for, as a value that shares nothing with it. */
export function plainOf(shadow: unknown): unknown {
  if (typeof shadow !== 'object' || shadow === null) return shadow
  if (shadow instanceof Opaque) return decode(shadow.bytes)
  if (Array.isArray(shadow)) return shadow.map(plainOf)
  if (shadow instanceof Map) return new Map(Array.from(shadow, ([key, item]) => [key, plainOf(item)]))
  if (kindOfValue(shadow) !== 'object') return copyOf(shadow, { nodesLeft: 2 })
  const plain: Plain = {}
  for (const key of Object.keys(shadow)) plain[key] = plainOf((shadow as Plain)[key])
  return plain
}

/** A pool's Buffer keeps its class, because the codec tells the two apart. */
function copyOfTyped(value: TypedArray): TypedArray {
  return Buffer.isBuffer(value) ? Buffer.from(value) : value.slice()
}

/** Whether storing `next` would give what `shadow` stands for, the order of keys included. */
export function isSame(shadow: unknown, next: unknown, depth = 0): boolean {
  if (shadow === next) return typeof next !== 'object' || next === null || kindOfValue(next) === 'ref'
  if (typeof shadow !== 'object' || typeof next !== 'object' || shadow === null || next === null) {
    return shadow !== shadow && next !== next
  }
  if (depth > deepest) throw giveUp
  const kind = kindOfValue(next)
  if (shadow instanceof Opaque) return kind === 'opaque' && sameBytes(shadow.bytes, encode(next))
  if (kindOfValue(shadow) !== kind) return false
  switch (kind) {
    case 'array': {
      const have = shadow as unknown[]
      const want = next as unknown[]
      if (have.length !== want.length) return false
      for (let at = 0; at < have.length; at++) if (!isSame(have[at], want[at], depth + 1)) return false
      return true
    }
    case 'object': {
      const have = Object.keys(shadow)
      const want = Object.keys(next)
      if (have.length !== want.length) return false
      for (let at = 0; at < have.length; at++) {
        const key = have[at] as string
        if (key !== want[at] || !isSame((shadow as Plain)[key], (next as Plain)[key], depth + 1)) return false
      }
      return true
    }
    case 'map':
      return sameMaps(shadow as Map<unknown, unknown>, next as Map<unknown, unknown>, depth)
    case 'set':
      return sameOrder(shadow as Set<unknown>, next as Set<unknown>)
    case 'date':
      return Object.is((shadow as Date).getTime(), (next as Date).getTime())
    case 'typed':
      return sameTyped(shadow as TypedArray, next as TypedArray)
    default:
      return sameRefs(shadow as Ref, next as Ref)
  }
}

function sameMaps(shadow: Map<unknown, unknown>, next: Map<unknown, unknown>, depth: number): boolean {
  if (shadow.size !== next.size) return false
  const entries = next.entries()
  for (const [key, item] of shadow) {
    const [nextKey, nextItem] = entries.next().value as [unknown, unknown]
    if (!Object.is(key, nextKey) || !isSame(item, nextItem, depth + 1)) return false
  }
  return true
}

export function sameOrder(shadow: Set<unknown>, next: Set<unknown>): boolean {
  if (shadow.size !== next.size) return false
  const items = next.values()
  for (const item of shadow) if (!Object.is(item, items.next().value)) return false
  return true
}

function sameTyped(shadow: TypedArray, next: TypedArray): boolean {
  return shadow.constructor === next.constructor && sameBytes(bytesOf(shadow), bytesOf(next))
}

function sameRefs(shadow: Ref, next: Ref): boolean {
  return (
    shadow.address === next.address &&
    shadow.id === next.id &&
    shadow.systemId === next.systemId &&
    shadow.effectId === next.effectId
  )
}

function bytesOf(view: ArrayBufferView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength)
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && Buffer.compare(a, b) === 0
}
