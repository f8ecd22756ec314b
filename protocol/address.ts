/**
 * An address names one actor: `order/42`, or `order/42~payment~3` for a child that its
 * root spawned (id `payment`, third spawn). It serves the clause "an envelope arrives on a
 * subject": the part behind the kind is exactly one subject token, so an address and a
 * subject suffix differ only in one separator, and decode to the same key for ever.
 */
import { Fault } from './fault.ts'
import { limits } from './limits.ts'

/** `kind/token`; the only form in which actors are named inside the runtime. */
export type Address = `${string}/${string}`

/** At most four bytes each: within the limit of a key. */
const childIdChars = 32

const kindPattern = /^[a-zA-Z][a-zA-Z0-9_-]{0,63}$/
const plainToken = /^[A-Za-z0-9_-]+$/
const addressPattern = /^[a-zA-Z][a-zA-Z0-9_-]{0,63}\/(?:[A-Za-z0-9_~-]|=[0-9A-F]{2})+$/
const utf8 = new TextEncoder()
const strictUtf8 = new TextDecoder('utf-8', { fatal: true })

export function addressOf(kind: string, key: string): Address {
  if (!kindPattern.test(kind)) throw new Fault('kind.invalid', { value: kind })
  return `${kind}/${tokenOf(key)}`
}

/** The address of a child: it lives and dies with its root, so it shares the root's partition. */
export function childAddressOf(parent: Address, id: string, spawn: number): Address {
  // The spawn's number makes it unique; the id is there for people, so a long one may be cut.
  const shown = Array.from(id).slice(0, childIdChars).join('')
  const address: Address = `${parent}~${tokenOf(shown === '' ? 'child' : shown)}~${spawn}`
  if (address.length > limits.addressChars) throw new Fault('address.invalid', { value: `${address.slice(0, 80)}…` })
  return address
}

export function kindOf(address: Address): string {
  return address.slice(0, address.indexOf('/'))
}

export function rootOf(address: Address): Address {
  const end = address.indexOf('~')
  return end < 0 ? address : (address.slice(0, end) as Address)
}

export function isChild(address: Address): boolean {
  return address.includes('~')
}

/** The key as its sender wrote it; for a child, the key of its root. */
export function keyOf(address: Address): string {
  const root = rootOf(address)
  return keyOfToken(root.slice(root.indexOf('/') + 1))
}

/** Any UTF-8 text of up to 128 bytes as one subject token, reversibly. */
export function tokenOf(key: string): string {
  // Nearly every key: each letter is a byte.
  if (key.length <= limits.keyBytes && plainToken.test(key)) return key
  const bytes = utf8.encode(key)
  if (bytes.length === 0) throw new Fault('key.empty', {})
  if (bytes.length > limits.keyBytes) {
    throw new Fault('key.tooLong', { value: key.slice(0, 40), size: bytes.length, limit: limits.keyBytes })
  }
  if (!key.isWellFormed()) throw new Fault('key.notUtf8', { value: JSON.stringify(key) })
  let token = ''
  for (const byte of bytes) {
    const char = String.fromCharCode(byte)
    token += plainToken.test(char) ? char : `=${byte.toString(16).toUpperCase().padStart(2, '0')}`
  }
  return token
}

export function keyOfToken(token: string): string {
  if (!token.includes('=')) return token
  const bytes: number[] = []
  for (let at = 0; at < token.length; at++) {
    if (token[at] === '=') {
      bytes.push(Number.parseInt(token.slice(at + 1, at + 3), 16))
      at += 2
    } else {
      bytes.push(token.charCodeAt(at))
    }
  }
  try {
    return strictUtf8.decode(new Uint8Array(bytes))
  } catch (cause) {
    throw new Fault('address.invalid', { value: token }, { cause })
  }
}

export function isAddress(text: string): text is Address {
  return addressPattern.test(text)
}

/** What a person types: `order/42`, or `order/a key with spaces`. */
export function parseAddress(text: string): Address {
  if (isAddress(text)) {
    // The pattern knows no length: what is too long, or no text at all, is found by writing it again.
    tokenOf(keyOf(text))
    return text
  }
  const slash = text.indexOf('/')
  if (slash < 1) throw new Fault('address.invalid', { value: text })
  return addressOf(text.slice(0, slash), text.slice(slash + 1))
}
