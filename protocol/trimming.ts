/**
 * What nodes say to each other before the log is trimmed: the leader of a round names a place on
 * the log, each owner answers how far its partitions can do without what lies before it. Live
 * only, never stored. Invariant: an answer stays true for ever, because bases only grow, so it
 * does no harm when it is late or its owner is one no more.
 */
import { decode, encode } from './codec.ts'
import { Fault } from './fault.ts'

export type TrimAsk = {
  /** The log's end when the round began; a partition at rest holds nobody back before it. */
  readonly lastSeq: number
  /** Nothing behind this is of interest. */
  readonly upTo: number
  /** Bases are uploaded for it; else only what could be is told. */
  readonly isFirm: boolean
  /** Where the log began with this round: the history of what lay before it may be forgotten. */
  readonly from: number
}

export type TrimAnswer = {
  readonly bounds: readonly (readonly [partition: number, bound: number])[]
  /** How far emitted events were heard by those who subscribed; nothing when nobody holds them. */
  readonly heard: number | undefined
}

const format = 1

export function encodeTrimAsk({ lastSeq, upTo, isFirm, from }: TrimAsk): Uint8Array {
  return encode([format, lastSeq, upTo, isFirm, from])
}

export function decodeTrimAsk(bytes: Uint8Array): TrimAsk {
  const [, lastSeq, upTo, isFirm, from] = arrayOf(bytes) as [number, number, number, boolean, number]
  return { lastSeq, upTo, isFirm, from }
}

export function encodeTrimAnswer({ bounds, heard }: TrimAnswer): Uint8Array {
  return encode([format, bounds, heard ?? null])
}

export function decodeTrimAnswer(bytes: Uint8Array): TrimAnswer {
  const [, bounds, heard] = arrayOf(bytes) as [number, TrimAnswer['bounds'], number | null]
  return { bounds, heard: heard ?? undefined }
}

function arrayOf(bytes: Uint8Array): unknown[] {
  const array = decode(bytes)
  if (!Array.isArray(array) || array[0] !== format) throw new Fault('trimming.unknown', { size: bytes.length })
  return array
}
