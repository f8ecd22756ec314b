/** `perdure fork rm`: forks that nobody needs any more. */
import type { Call } from '#bin/command.ts'
import { wrong } from '#bin/parse-line.ts'
import { openForkDesk } from './fork-desk.ts'
import { removeForkDir } from './fork-dir.ts'

export async function removeForks(call: Call, words: readonly string[]): Promise<void> {
  if (words.length === 0) throw wrong({ name: 'fork' }, '"fork rm" needs one or more forks.')
  await using desk = await openForkDesk(call.config)
  for (const word of words) {
    await desk.remove(word)
    await removeForkDir(call.config, word)
    if (call.json) call.out.json({ fork: word, removed: true })
    else call.out.line(`fork ${word} is removed with all that it stored`)
  }
}
