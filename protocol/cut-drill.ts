/**
 * What came of a drill: a cut restored into a scratch realm, which is thrown away. It stands beside
 * the cut's note in the registry, so that a list need not do it again.
 */
import { decode, encodeTree } from './codec.ts'
import { checkFormat, reading } from './cut-format.ts'

const format = 1

export type CutDrill = {
  readonly cut: string
  readonly at: number
  readonly ms: number
  readonly node: string
  readonly by: string
  readonly passed: boolean
  readonly actors: number
  readonly envelopes: number
  readonly segments: number
  readonly bytes: number
  /** Kinds that nobody here knows: their states were read, and not held against a definition. */
  readonly unknown: readonly string[]
  /** What was wrong; the first of it, and how much there is. */
  readonly found: readonly string[]
  readonly count: number
}

/** Its name in the registry of notes. */
export function drillNoteOf(cut: string): string {
  return `drill.${cut}`
}

export function encodeCutDrill(drill: CutDrill): Uint8Array {
  const d = drill
  return encodeTree([
    ...[format, d.cut, d.at, d.ms, d.node, d.by, d.passed],
    ...[d.actors, d.envelopes, d.segments, d.bytes, d.unknown, d.found, d.count],
  ])
}

export function decodeCutDrill(bytes: Uint8Array): CutDrill {
  return reading('the report of a drill', () => {
    const f = decode(bytes) as unknown[]
    checkFormat(f[0], 'the report of a drill', format)
    return {
      cut: f[1] as string,
      at: f[2] as number,
      ms: f[3] as number,
      node: f[4] as string,
      by: f[5] as string,
      passed: f[6] as boolean,
      actors: f[7] as number,
      envelopes: f[8] as number,
      segments: f[9] as number,
      bytes: f[10] as number,
      unknown: f[11] as string[],
      found: f[12] as string[],
      count: f[13] as number,
    }
  })
}
