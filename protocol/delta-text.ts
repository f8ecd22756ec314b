/**
 * Texts that grow (an answer that streams in) or change in one place. It serves the clause "its
 * new state". Invariant: no cut goes through a surrogate pair, and a text that is not
 * well-formed is neither cut nor built on, because storing it changes it.
 */
import { op, type Patch } from './delta-patch.ts'

/** Below this a patch is no smaller than the text. */
const shortest = 24

export function textPatchOf(have: string, want: string): Patch {
  const whole: Patch = [op.replace, want]
  if (want.length < shortest || have.length < shortest || !have.isWellFormed() || !want.isWellFormed()) return whole
  if (want.startsWith(have)) return [op.append, have.length, want.slice(have.length)]
  const shorter = Math.min(have.length, want.length)
  let start = 0
  while (start < shorter && have.charCodeAt(start) === want.charCodeAt(start)) start++
  if (start > 0 && isHighSurrogate(have.charCodeAt(start - 1))) start--
  let end = 0
  while (end < shorter - start && have.charCodeAt(have.length - 1 - end) === want.charCodeAt(want.length - 1 - end))
    end++
  if (end > 0 && isLowSurrogate(have.charCodeAt(have.length - end))) end--
  const added = want.length - start - end
  if (added + shortest > want.length / 2) return whole
  return [op.splice, have.length, start, have.length - start - end, want.slice(start, want.length - end)]
}

function isHighSurrogate(code: number): boolean {
  return code >= 0xd800 && code < 0xdc00
}

function isLowSurrogate(code: number): boolean {
  return code >= 0xdc00 && code < 0xe000
}
