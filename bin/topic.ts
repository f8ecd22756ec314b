/** A topic as people name it: a pattern, or simply an actor, which means all that it emits. */
import { parseAddress } from '#runtime/index.ts'
import { checkPattern } from '#runtime/core/pattern.ts'

export function topicOf(text: string): string {
  if (!text.includes('/')) return checkPattern(text)
  const address = parseAddress(text)
  const slash = address.indexOf('/')
  return `${address.slice(0, slash)}.${address.slice(slash + 1)}.>`
}
