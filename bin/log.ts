/** The log of a running process: lines for a person on a terminal, JSON lines for everything else. */
import { type Clock, onTrace, type Trace } from '#runtime/index.ts'
import { movesOf } from './moves.ts'
import { type Level, levels, textOfTrace, type Told } from './trace-text.ts'
import type { Output, Style } from './output.ts'

export type Log = {
  /** What is not of the runtime: the server's lines, the beginning and the end. */
  say(is: string, level: Told['level'], text: string, fields?: object): void
  stop(): void
}

export type LogOptions = { readonly level: Level; readonly format: 'text' | 'json'; readonly clock: Clock }

const styles: Readonly<Record<Told['level'], Style>> = {
  error: 'red',
  warn: 'yellow',
  info: 'cyan',
  debug: 'dim',
  trace: 'dim',
}

export function openLog(out: Output, { level, format, clock }: LogOptions): Log {
  const least = levels.indexOf(level)

  function write(is: string, told: Told, fields: object): void {
    if (levels.indexOf(told.level) > least) return
    const at = new Date(clock.now())
    if (format === 'json') return out.json({ at: at.toISOString(), level: told.level, is, text: told.text, ...fields })
    out.line(
      `${out.style('dim', at.toTimeString().slice(0, 8))} ${out.style(styles[told.level], told.level.padEnd(5))} ${told.text}`,
    )
  }

  const moves = movesOf(clock, ({ told, ...fields }) => write('partitions.moved', told, fields))
  const tracing = onTrace((event) => {
    // The commonest by far; making their text for nobody would cost more than the step.
    if ((event.is === 'stepped' || event.is === 'committed') && least < levels.indexOf('trace')) return
    moves.hear(event)
    if (event.is === 'node.stopped') moves.flush()
    write(event.is, textOfTrace(event), fieldsOf(event))
  })
  return {
    say: (is, level, text, fields = {}) => write(is, { level, text }, fields),
    stop() {
      moves.flush()
      tracing.stop()
    },
  }
}

/** As data, without stacks: they hold paths and, in an error's text, sometimes a payload. */
function fieldsOf(event: Trace): object {
  const { is: _, ...fields } = event
  if (!('fault' in fields) || fields.fault === undefined) return fields
  const { code, message } = fields.fault
  return { ...fields, fault: { code, message } }
}
