/** `perdure cut take`: asks a node for a cut, and waits until it is whole. */
import { userInfo } from 'node:os'
import type { Call } from '#bin/command.ts'
import { bytesText, plural, span } from '#bin/layout.ts'
import { wrong } from '#bin/parse-line.ts'
import { noteJson } from './note-text.ts'

export async function takeCut(call: Call, words: readonly string[]): Promise<void> {
  if (words.length > 0) throw wrong({ name: 'cut' }, `"${words[0]}" is one word too many; a name goes behind --name.`)
  const { cuts } = await call.realm()
  const { id, whole } = await cuts.take({ name: call.text('name'), by: userInfo().username })
  if (call.is('no-wait')) return call.json ? call.out.json({ id, state: 'begun' }) : call.out.line(id)
  if (!call.json) call.out.note(`cut ${id}: its markers are stored; waiting until it is whole`)
  const note = await whole
  if (call.json) return call.out.json(noteJson(note))
  const inFlight = note.inFlight === 0 ? 'nothing in flight' : `${plural(note.inFlight, 'envelope')} in flight`
  call.out.line(
    `cut ${note.id} is whole after ${span(note.at - note.begunAt)}: ${plural(note.actors, 'actor')}, ${inFlight}, ${bytesText(note.bytes)} of which ${bytesText(note.added)} are new`,
  )
}
