/** The words behind a verb: exactly so many, each said what it is. */
import { wrong } from '#bin/parse-line.ts'

export function wordsOf(words: readonly string[], verb: string, wanted: readonly string[]): readonly string[] {
  const missing = wanted[words.length]
  const extra = words[wanted.length]
  if (missing !== undefined) throw wrong({ name: 'cut' }, `"cut ${verb}" needs ${missing}.`)
  if (extra !== undefined) throw wrong({ name: 'cut' }, `"${extra}" is one word too many.`)
  return words
}
