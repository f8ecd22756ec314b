/**
 * Pieces of a table in few bytes, because the table is one entry of the log and emitted events that
 * nobody has heard yet can be very many. It serves the clause "how far it has read". Pure. Invariants:
 * what is unpacked is what was packed, whatever the pieces are; a single entry behind the one before,
 * less than 64 positions further on, is one byte, and less than 8192, two.
 *
 * Of a piece is said how far it lies from the end of the one before. Numbers go on in a further byte
 * where its highest bit is set, the lowest digits first. The first byte begins, from its lowest bit,
 * with 0 for one entry whose sequence follows and whose position is no lower, and the way to that;
 * any other has a 1, then whether its position is lower, and how far; then whether its sequence is
 * lower, and how far; then its count.
 */
import type { Piece } from './incarnations.ts'

/** The largest piece: three numbers up to 2^53, with their marks. */
const largest = 24

/** Marks, each with its number of bits. */
const single = [0, 1] as const
const upward = [0b01, 2] as const
const downward = [0b11, 2] as const
const later = [0, 1] as const
const earlier = [1, 1] as const
const none = [0, 0] as const

export function packPieces(pieces: readonly Piece[]): Uint8Array {
  let bytes = Buffer.allocUnsafe(2 * pieces.length + largest)
  let at = 0

  function put(value: number, [mark, bits]: readonly [mark: number, bits: number]): void {
    const room = 1 << (7 - bits)
    let digit = value % room
    let rest = (value - digit) / room
    bytes[at++] = mark + (digit << bits) + (rest > 0 ? 128 : 0)
    while (rest > 0) {
      digit = rest % 128
      rest = (rest - digit) / 128
      bytes[at++] = digit + (rest > 0 ? 128 : 0)
    }
  }

  let endSeq = 0
  let endPosition = 0
  for (const piece of pieces) {
    const seq = piece[0]
    const position = piece[1]
    const count = piece[2]
    if (at + largest > bytes.length) bytes = Buffer.concat([bytes, Buffer.allocUnsafe(bytes.length)])
    const further = position - endPosition
    if (seq === endSeq && count === 1 && further >= 0) {
      // Nearly all of them, and all are packed for each batch.
      if (further < 64) bytes[at++] = further << 1
      else if (further < 8192) {
        bytes[at++] = 128 + ((further & 63) << 1)
        bytes[at++] = further >> 6
      } else put(further, single)
    } else {
      put(Math.abs(further), further < 0 ? downward : upward)
      put(Math.abs(seq - endSeq), seq < endSeq ? earlier : later)
      put(count, none)
    }
    endSeq = seq + count
    endPosition = position + count
  }
  return bytes.subarray(0, at)
}

/** Throws where the bytes end in the middle of a piece. */
export function unpackPieces(bytes: Uint8Array): Piece[] {
  const pieces: Piece[] = []
  let at = 0

  /** What stands above so many bits of a mark. */
  function take(bits: number): number {
    let byte = bytes[at++] as number
    let value = (byte & 127) >> bits
    for (let unit = 2 ** (7 - bits); byte > 127; unit *= 128) {
      byte = bytes[at++] as number
      value += (byte & 127) * unit
    }
    return value
  }

  const isMarked = (bit: number): boolean => ((bytes[at] as number) & bit) !== 0

  let endSeq = 0
  let endPosition = 0
  while (at < bytes.length) {
    let seq = endSeq
    let position = endPosition
    let count = 1
    if (isMarked(1)) {
      const isDown = isMarked(2)
      const further = take(2)
      position += isDown ? -further : further
      const isEarlier = isMarked(1)
      const distance = take(1)
      seq += isEarlier ? -distance : distance
      count = take(0)
    } else position += take(1)
    pieces.push([seq, position, count])
    endSeq = seq + count
    endPosition = position + count
  }
  if (at > bytes.length) throw new RangeError('packed pieces that end in the middle of one')
  return pieces
}
