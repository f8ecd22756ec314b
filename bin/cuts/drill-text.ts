/** What came of a drill, in a sentence. */
import { plural, span } from '#bin/layout.ts'
import type { CutDrill } from '#protocol/cut-drill.ts'

export function drillText({ passed, actors, envelopes, ms, count, unknown }: CutDrill): string {
  const what = `${plural(actors, 'actor')} and ${plural(envelopes, 'envelope')} in flight`
  if (!passed) return `it cannot be restored as it is: ${plural(count, 'finding')}`
  const strange = unknown.length === 0 ? '' : `; nobody there knew ${unknown.join(', ')}`
  return `it was restored and thrown away in ${span(ms)}: ${what}${strange}`
}
