/** `perdure cut rm`: cuts that nobody needs any more. */
import type { Call } from '#bin/command.ts'
import { wrong } from '#bin/parse-line.ts'
import { noteJson } from './note-text.ts'

export async function removeCuts(call: Call, words: readonly string[]): Promise<void> {
  if (words.length === 0) throw wrong({ name: 'cut' }, '"cut rm" needs one or more cuts.')
  const { cuts } = await call.realm()
  for (const word of words) {
    const note = await cuts.remove(word)
    if (call.json) call.out.json(noteJson(note))
    else call.out.line(`cut ${note.id} is removed; its bytes go within minutes, once nothing can need them`)
  }
}
