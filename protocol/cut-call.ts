/**
 * How a cut begins: a marker in every mailbox, and a call to all nodes that says where they stand. It
 * serves "a marker into every partition's mailbox". Invariant: who hears no call meets the marker.
 */
import { decode, encodeTree } from './codec.ts'
import { checkFormat, cutFormat, reading } from './cut-format.ts'

/** Told to all nodes once the markers are stored: a partition with a long mailbox need not come to its own first. */
export type CutCall = { readonly id: string; readonly markers: readonly number[] }

export function encodeCutCall({ id, markers }: CutCall): Uint8Array {
  return encodeTree([cutFormat, id, markers])
}

export function decodeCutCall(bytes: Uint8Array): CutCall {
  return reading('the call of a cut', () => {
    const [format, id, markers] = decode(bytes) as [number, string, number[]]
    checkFormat(format, 'the call of a cut')
    return { id, markers }
  })
}

/** What a marker says: it is read by people who look at the log, since its subject names the cut. */
export function encodeMarker(generation: number, at: number): Uint8Array {
  return encodeTree([cutFormat, generation, at])
}
