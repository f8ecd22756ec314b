/** What the runtime tells of cuts, in words and by importance. */
import type { Trace } from '#runtime/index.ts'
import { bytesText, plural, span } from './layout.ts'
import type { Told } from './trace-text.ts'

/** Nothing for a trace that is not about cuts. */
export function textOfCutTrace(event: Trace): Told | undefined {
  switch (event.is) {
    case 'cuts.off':
      return { level: 'warn', text: `this node takes no part in cuts: ${event.fault.message} (${event.fault.code})` }
    case 'cut.begun':
      return { level: 'debug', text: `cut ${event.cut} by ${event.by}: its markers are stored` }
    case 'cut.whole':
      return {
        level: 'info',
        text: `cut ${event.cut} is whole after ${span(event.ms)}: ${plural(event.actors, 'actor')}, ${event.inFlight} in flight, ${bytesText(event.bytes)} are new`,
      }
    case 'cut.failed':
      return {
        level: 'warn',
        text: `partition ${event.partition} cannot be recorded for cut ${event.cut}: ${event.fault.message} (${event.fault.code})`,
      }
    case 'cut.abandoned':
      return { level: 'warn', text: `cut ${event.cut} is abandoned: ${event.fault.message} (${event.fault.code})` }
    case 'cut.checked': {
      const { cut, deadlocks, orphans, broken, ms } = event
      const isWell = deadlocks + orphans + broken.length === 0
      const what = [
        ...(deadlocks === 0 ? [] : [plural(deadlocks, 'deadlock')]),
        ...(orphans === 0 ? [] : [`${plural(orphans, 'wait')} for nobody`]),
        ...broken.map((name) => `"${name}" does not hold`),
      ]
      return isWell
        ? { level: 'debug', text: `looked at cut ${cut} in ${span(ms)}: nothing is wrong` }
        : { level: 'warn', text: `cut ${cut}: ${what.join(', ')} (perdure cut check ${cut})` }
    }
    case 'cut.unchecked':
      return { level: 'warn', text: `could not look at cut ${event.cut}: ${event.fault.message} (${event.fault.code})` }
    case 'cut.lost':
      return { level: 'warn', text: `cut ${event.cut} is given up: ${event.reason}` }
    case 'cut.removed':
      return { level: 'debug', text: `cut ${event.cut} is removed, by ${event.by}` }
    case 'cut.drilled':
      return event.passed
        ? {
            level: 'info',
            text: `drill of cut ${event.cut}: ${plural(event.actors, 'actor')} and ${plural(event.envelopes, 'envelope')} were restored and thrown away, in ${span(event.ms)}`,
          }
        : { level: 'error', text: `drill of cut ${event.cut} failed: ${event.found.join('; ')}` }
    case 'cut.copied':
      return { level: 'info', text: `cut ${event.cut} lies in ${event.path}, too: ${bytesText(event.bytes)}` }
    case 'cuts.swept':
      return {
        level: 'debug',
        text: `${event.removed} of what no cut needs went from the ${event.place === 'store' ? 'object store' : 'archive'}; ${event.left} wait`,
      }
    case 'cuts.unkept':
      return {
        level: 'warn',
        text: `keeping house of cuts failed (${event.what}) and is tried again: ${event.fault.message} (${event.fault.code})`,
      }
    default:
      return undefined
  }
}
