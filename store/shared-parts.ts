/**
 * The segments that a base only names, from where they lie. It serves "load slices". Invariant: all of
 * them are here before anything is done with the first, so nobody who folds waits for the network.
 */
import { Fault } from '#protocol/fault.ts'
import type { Layers, SegmentOf } from './sealed-base.ts'

/** So many are on their way at once. */
const atOnce = 8

export async function sharedParts({ layers }: Layers, segmentOf: SegmentOf): Promise<readonly Uint8Array[]> {
  const ids = layers.flat().map(({ id }) => id)
  const parts: Uint8Array[] = []
  let next = 0
  const lane = async (): Promise<void> => {
    for (let at = next++; at < ids.length; at = next++) {
      const id = ids[at] as string
      const bytes = await segmentOf(id)
      if (bytes === undefined) throw new Fault('cut.missing', { what: 'segment', value: id })
      parts[at] = bytes
    }
  }
  await Promise.all(Array.from({ length: atOnce }, lane))
  return parts
}
