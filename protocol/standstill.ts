/**
 * The timers of a realm stand still: since when, and until when. It serves "timers frozen or free"
 * of restores and forks. It is a note beside the notes of cuts, of one generation, so that whoever
 * serves that one knows it before anything fires. Invariant: a standstill that has ended stays noted,
 * because a partition that nobody served meanwhile learns of it when it is served again.
 */
import { decode, encode } from './codec.ts'
import { Fault } from './fault.ts'

export type Standstill = {
  readonly generation: number
  /** The instant at which time stopped for timers: that of the cut. */
  readonly since: number
  /** Nothing while it lasts. */
  readonly until: number | undefined
}

export const standstillNote = 'timers'

/** Whether it lasts. */
export function isStill(one: Standstill | undefined): one is Standstill & { readonly until: undefined } {
  return one !== undefined && one.until === undefined
}

const format = 1

export function encodeStandstill({ generation, since, until }: Standstill): Uint8Array {
  return encode([format, generation, since, until ?? null])
}

export function decodeStandstill(bytes: Uint8Array): Standstill {
  const [have, generation, since, until] = decode(bytes) as [number, number, number, number | null]
  if (have > format) throw new Fault('store.format', { value: 'the standstill of timers', have, want: format })
  return { generation, since, until: until ?? undefined }
}
