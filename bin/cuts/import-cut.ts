/** `perdure cut import`: a cut from a file, as one of the realm's own. */
import { resolve } from 'node:path'
import type { Call } from '#bin/command.ts'
import { bytesText, plural } from '#bin/layout.ts'
import type { ImportProgress } from '#runtime/cuts/keeping/import-cut.ts'
import { farOf } from './far.ts'
import { noteJson } from './note-text.ts'
import { wordsOf } from './verb-words.ts'

export async function importCut(call: Call, words: readonly string[]): Promise<void> {
  const [file = ''] = wordsOf(words, 'import', ['a file that "perdure cut export" wrote'])
  const { cuts } = await call.realm()
  const far = farOf<ImportProgress>(call, ({ is, done, of }) => `${done} of ${plural(of, 'segment')} ${is}`)
  const note = await cuts.importFrom(resolve(file), far)
  if (call.json) return call.out.json(noteJson(note))
  call.out.line(`cut ${note.id} is here: ${plural(note.actors, 'actor')}, ${bytesText(note.bytes)}`)
}
