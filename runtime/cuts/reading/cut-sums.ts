/** What of a cut is told in one line of a list: how many actors, what was under way, how many bytes. Pure. */
import type { CutManifest, CutNote } from '#protocol/cut.ts'
import { looseSegmentsOf } from './cut-source.ts'

export function sumsOf(manifest: CutManifest): Pick<CutNote, 'actors' | 'inFlight' | 'added' | 'bytes'> {
  const flown = looseSegmentsOf(manifest).reduce((sum, { bytes }) => sum + bytes, 0)
  return {
    actors: manifest.slices.reduce((sum, { actors }) => sum + actors, 0),
    inFlight: manifest.channels.reduce((sum, [, , count]) => sum + count, 0),
    added: manifest.added,
    bytes: flown + manifest.slices.reduce((sum, { bytes }) => sum + bytes, 0),
  }
}
