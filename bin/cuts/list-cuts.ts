/** `perdure cut ls`: all cuts that there are, the newest last. */
import type { Call } from '#bin/command.ts'
import { bytesText, table, timeText } from '#bin/layout.ts'
import type { CutCheck } from '#protocol/cut-check.ts'
import type { CutDrill } from '#protocol/cut-drill.ts'
import { systemClock } from '#runtime/index.ts'
import { checkText, withoutKept } from './check-text.ts'
import { keptText, noteJson, stateOf } from './note-text.ts'

export async function listCuts(call: Call): Promise<void> {
  const { cuts } = await call.realm()
  const notes = await cuts.list()
  const checks = await Promise.all(
    notes.map(async ({ id, state }) => (state === 'whole' ? await cuts.checked(id) : undefined)),
  )
  const drills = new Map((await cuts.drills()).map((one) => [one.cut, one] as const))
  if (call.json) {
    for (const [at, note] of notes.entries()) {
      const check = checks[at]
      call.out.json({ ...noteJson(note), check: check && withoutKept(check), drill: drills.get(note.id) })
    }
    return
  }
  const { out } = call
  if (notes.length === 0) return out.line('There is no cut yet: perdure cut take')
  const now = systemClock.now()
  // The rest stands in show, and in --json.
  const columns = ['cut', 'name', 'taken', 'state', 'actors', 'size', 'new', 'by']
  const rows = notes.map((note, at) => [
    note.id,
    note.name ?? '',
    timeText(note.begunAt, now),
    stateOf(note, now),
    String(note.actors),
    bytesText(note.bytes),
    bytesText(note.added),
    note.reason ??
      (note.state === 'whole' ? `${note.by}: ${foundText(checks[at], drills.get(note.id), keptText(note))}` : note.by),
  ])
  for (const line of table(
    columns.map((head) => ({ head })),
    rows,
    out.width,
  ))
    out.line(line)
}

function foundText(check: CutCheck | undefined, drill: CutDrill | undefined, kept: string | undefined): string {
  const drilled = drill === undefined ? [] : [drill.passed ? 'drilled' : 'drill failed']
  return [checkText(check), ...drilled, ...(kept === undefined ? [] : [kept])].join(', ')
}
