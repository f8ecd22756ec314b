/**
 * The bytes of an emitted event. JSON whenever JSON keeps it whole, so that any NATS client can
 * read it; our own encoding for what JSON would bend (Map, Date, BigInt, undefined).
 */
import { decode, decodeForeign, encode } from '#protocol/codec.ts'
import { type AnyEvent, isEvent } from '#protocol/envelope.ts'

const utf8 = new TextEncoder()
/** Marks our own encoding: no JSON text begins with it. */
const ownMark = 0x91

export function emittedBytes(event: AnyEvent): Uint8Array {
  return isPlain(event, 0) ? utf8.encode(JSON.stringify(event)) : encode([event])
}

export function emittedOf(bytes: Uint8Array): AnyEvent {
  const value = bytes[0] === ownMark ? (decode(bytes) as unknown[])[0] : decodeForeign(bytes)
  return isEvent(value) ? value : { type: 'perdure.undecodable' }
}

function isPlain(value: unknown, depth: number): boolean {
  if (value === null) return true
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return true
    case 'number':
      return Number.isFinite(value) && !Object.is(value, -0)
    case 'object': {
      if (depth > 64) return false
      if (Array.isArray(value)) return value.every((one) => isPlain(one, depth + 1))
      const prototype: unknown = Object.getPrototypeOf(value)
      if (prototype !== Object.prototype && prototype !== null) return false
      return Object.values(value).every((one) => isPlain(one, depth + 1))
    }
    default:
      return false
  }
}
