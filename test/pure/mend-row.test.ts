/** The table of what was appended again, as it stands on the log: in full while it is small, packed when it is not. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decode, encode } from '#protocol/codec.ts'
import type { Piece } from '#runtime/core/incarnations.ts'
import {
  decodeMendHead,
  decodeMendRow,
  encodeMendRow,
  type MendRow,
  rowBytesMost,
  withBatch,
} from '#runtime/core/mend-row.ts'
import { packPieces, unpackPieces } from '#runtime/core/packed-pieces.ts'
import { rounds } from '#test/support/rounds.ts'

const report = { from: 90, to: 95, entries: 5, missing: 1, at: 1_700_000_000_000, node: 'node-1' }
const rowOf = (pieces: readonly Piece[]): MendRow => ({
  ...{ mends: [[100, 1]], lineage: [[1, 'm1']], isOpen: true, report },
  pieces,
})

const far = fc.oneof(fc.nat(300), fc.integer({ min: 0, max: 2 ** 52 }))
const wild = fc.tuple(far, far, fc.oneof(fc.integer({ min: 1, max: 900 }), fc.integer({ min: 1, max: 2 ** 40 })))
/** How far it is behind the one before it. */
const next = fc.tuple(fc.constantFrom(0, 0, 0, 1), fc.nat(20_000), fc.constantFrom(1, 1, 1, 7))
const pieces = fc
  .array(
    fc.oneof(
      wild.map((piece) => ({ piece })),
      next.map((step) => ({ step })),
    ),
    { maxLength: 60 },
  )
  .map((all) => {
    const made: Piece[] = []
    for (const one of all) {
      const [seq, position, count] = made.at(-1) ?? [0, 0, 0]
      if ('piece' in one) made.push(one.piece)
      else made.push([seq + count + one.step[0], position + count + one.step[1], one.step[2]])
    }
    return made.filter(([seq, position, count]) => Math.max(seq, position) + count <= Number.MAX_SAFE_INTEGER)
  })
const positions = fc.array(fc.oneof(fc.nat(40), far), { maxLength: 30 })

test('packed pieces are unpacked as they were, whatever they are', () => {
  fc.assert(
    fc.property(pieces, (all) => {
      expect(unpackPieces(packPieces(all))).toEqual(all)
    }),
    { numRuns: rounds(500, 10_000) },
  )
})

test('a row is read as it was written, in full and packed, and whoever wrote it knows what is read', () => {
  fc.assert(
    fc.property(pieces, positions, fc.nat(), fc.constantFrom(0, 1000), (all, batch, seq, most) => {
      const row = rowOf(all)
      const bytes = encodeMendRow(row, batch, most)
      const read = decodeMendRow(bytes, seq)
      expect(read).toEqual(withBatch(row, seq, batch))
      expect(read.pieces.slice(0, all.length)).toEqual(all)
      const again = read.pieces
        .slice(all.length)
        .flatMap(([, position, count]) => Array.from({ length: count }, (_, at) => position + at))
      expect(again).toEqual(batch)
      const { pieces: _, ...head } = row
      expect(decodeMendHead(bytes)).toEqual(head)
      expect(bytes.length).toBeLessThanOrEqual(rowBytesMost(read.pieces.length))
    }),
    { numRuns: rounds(300, 5000) },
  )
})

test('of single entries a few positions apart each is a byte, and two of those some thousand apart', () => {
  const apart = (gap: number): Piece[] => Array.from({ length: 1000 }, (_, at) => [500 + at, 90 + gap * at, 1])
  expect(packPieces(apart(2)).length).toBeLessThan(1010)
  expect(packPieces(apart(64)).length).toBeLessThan(1010)
  expect(packPieces(apart(8000)).length).toBeLessThan(2010)
})

test('a table of few pieces is written as the first release reads it', () => {
  const some = (count: number): MendRow => rowOf(Array.from({ length: count }, (_, at): Piece => [500 + at, 2 * at, 1]))
  const formatOf = (bytes: Uint8Array): unknown => (decode(bytes) as unknown[])[0]
  expect(formatOf(encodeMendRow(some(990), [1, 3, 5]))).toBe(1)
  expect(formatOf(encodeMendRow(some(998), [1, 3, 5]))).toBe(2)
})

test('a later format, and pieces that end in the middle of one, are refused', () => {
  const bytes = encodeMendRow(rowOf([[101, 90, 3]]), [94], 0)
  const fields = decode(bytes) as unknown[]
  const later = encode([3, ...fields.slice(1)])
  expect(() => decodeMendRow(later, 1)).toThrow(expect.objectContaining({ code: 'mend.unknown' }))
  expect(() => decodeMendHead(later)).toThrow(expect.objectContaining({ code: 'mend.unknown' }))
  const whole = packPieces([[2 ** 45, 2 ** 50, 900]])
  for (let length = 1; length < whole.length; length++)
    expect(() => unpackPieces(whole.subarray(0, length))).toThrow(RangeError)
})
