/**
 * A draw that every node makes alike: of a name, a number as if by chance. It serves the clause of
 * the claim: who owns what follows from names alone. Invariant: the same text is the same number
 * in every release, or nodes of two releases would not agree.
 */

/** A number above 0 and below 1 that depends on every bit of the text. */
export function chance(text: string): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < text.length; at++) {
    hash ^= text.charCodeAt(at)
    hash = Math.imul(hash, 0x01000193)
  }
  // FNV alone leaves neighbours near each other.
  hash ^= hash >>> 16
  hash = Math.imul(hash, 0x85ebca6b)
  hash ^= hash >>> 13
  hash = Math.imul(hash, 0xc2b2ae35)
  hash ^= hash >>> 16
  return ((hash >>> 0) + 0.5) / 2 ** 32
}
