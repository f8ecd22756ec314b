/** `perdure cut ls`: all cuts that there are, the newest last. */
import type { Call } from '#bin/command.ts'
import { bytesText, span, table, timeText } from '#bin/layout.ts'
import { systemClock } from '#runtime/index.ts'
import { noteJson, stateOf } from './note-text.ts'

export async function listCuts(call: Call): Promise<void> {
  const { cuts } = await call.realm()
  const notes = await cuts.list()
  if (call.json) {
    for (const note of notes) call.out.json(noteJson(note))
    return
  }
  const { out } = call
  if (notes.length === 0) return out.line('There is no cut yet: perdure cut take')
  const now = systemClock.now()
  const columns = ['cut', 'name', 'taken', 'state', 'took', 'actors', 'in flight', 'size', 'new', 'by']
  const rows = notes.map((note) => [
    note.id,
    note.name ?? '',
    timeText(note.begunAt, now),
    stateOf(note, now),
    span(note.at - note.begunAt),
    String(note.actors),
    String(note.inFlight),
    bytesText(note.bytes),
    bytesText(note.added),
    note.reason ?? note.by,
  ])
  for (const line of table(
    columns.map((head) => ({ head })),
    rows,
    out.width,
  ))
    out.line(line)
}
