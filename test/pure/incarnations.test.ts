/** Positions on a log that lost its end and took it again, and what is held for that. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeHeld, encodeHeld, heldAt, type HeldEntry } from '#protocol/held.ts'
import { incarnationOf, placesOf, positionAt, tableAfter, untouched } from '#runtime/core/incarnations.ts'
import { decodeMendRow, encodeMendRow } from '#runtime/core/mend-row.ts'

const mended = {
  mends: [[10, 1]],
  pieces: [
    [14, 11, 3],
    [18, 15, 2],
  ],
} as const

test('a log that never lost anything has sequences for positions', () => {
  const places = placesOf(untouched)
  for (const seq of [0, 1, 77, 1e9]) expect([places.positionOf(seq), places.seqOf(seq)]).toEqual([seq, seq])
  expect(places.passesFrom(5)).toMatchObject([{ from: 5, least: 5 }])
})

test('what was appended again has the position that it had, and what came meanwhile one behind it', () => {
  const places = placesOf(mended)
  expect([9, 10, 11, 13, 14, 16, 17, 18, 19, 20].map((seq) => places.positionOf(seq))).toEqual([
    ...[9, 10, positionAt(1, 11), positionAt(1, 13), 11, 13, positionAt(1, 17), 15, 16, positionAt(1, 20)],
  ])
  expect([11, 13, 14, 15, 17].map((position) => places.seqOf(position))).toEqual([14, 16, undefined, 18, undefined])
  expect(incarnationOf(places.positionOf(20))).toBe(1)
})

/** How a log came to be: losses, of each of which some stands again. */
const losses = fc
  .array(fc.record({ keep: fc.nat(6), newcomers: fc.nat(3), lost: fc.nat(6) }), { maxLength: 5 })
  .map((rounds) => {
    let now = untouched
    let end = 10
    rounds.forEach(({ keep, newcomers, lost }, round) => {
      const before = placesOf(now)
      const positions = Array.from({ length: lost }, (_, at) => before.positionOf(end + keep + 1 + at)).toSorted(
        (a, b) => a - b,
      )
      now = tableAfter(now, end + keep, round + 1)
      const row = end + keep + newcomers + 1
      now = decodeMendRow(
        encodeMendRow(
          { ...now, lineage: [], isOpen: true, report: { from: 0, to: 0, entries: 0, missing: 0, at: 0, node: 'a' } },
          positions,
        ),
        row,
      )
      end = row + lost + 1
    })
    return { now, end }
  })

test('readers get every entry once, in the order of positions', () => {
  fc.assert(
    fc.property(losses, fc.nat(30), ({ now, end }, from) => {
      const places = placesOf(now)
      const begin = places.positionOf(from)
      const read: number[] = []
      for (const { from: first, to, least, most } of places.passesFrom(begin))
        for (let seq = first; seq <= Math.min(to, end + 5); seq++) {
          const position = places.positionOf(seq)
          if (position >= least && position <= most) read.push(position)
        }
      const all = Array.from({ length: end + 6 }, (_, seq) => places.positionOf(seq))
      expect(read).toEqual(all.filter((position) => position >= begin).toSorted((a, b) => a - b))
      for (let seq = 0; seq <= end; seq++) expect(places.seqOf(places.positionOf(seq))).toBe(seq)
    }),
  )
})

/** Of a restored log: where single entries of the log before stand, and some tables between them. */
const restored = fc.array(fc.record({ gap: fc.nat(3), isBatch: fc.boolean() }), { maxLength: 12 }).map((entries) => {
  const first = 101
  const pieces: [number, number, number][] = []
  let seq = first + 2
  let position = 10
  for (const { gap, isBatch } of entries) {
    seq += isBatch ? 2 : 1
    position += 2 + gap
    pieces.push([seq, position, 1])
  }
  return { now: { mends: [[first - 1, 1]], pieces } as const, first, end: seq + 1 }
})

test('what a restore puts back is read once, in the order in which it stood, and before all that is new', () => {
  fc.assert(
    fc.property(restored, fc.nat(110), ({ now, first, end }, begin) => {
      const places = placesOf(now)
      const read: number[] = []
      for (const { from, to, least, most } of places.passesFrom(begin))
        for (let seq = Math.max(from, first); seq <= Math.min(to, end + 3); seq++) {
          const position = places.positionOf(seq)
          if (position >= least && position <= most) read.push(position)
        }
      const all = Array.from({ length: end + 4 - first }, (_, at) => places.positionOf(first + at))
      expect(read).toEqual(all.filter((position) => position >= begin).toSorted((a, b) => a - b))
    }),
  )
})

test('up to the bound of a position nothing has a higher one, and what stands behind it has', () => {
  fc.assert(
    fc.property(fc.oneof(losses, restored), fc.nat(130), fc.boolean(), ({ now, end }, at, isNew) => {
      const places = placesOf(now)
      const position = isNew ? positionAt(places.incarnation, at) : at
      const seqs = Array.from({ length: Math.max(end, 130) + 3 }, (_, seq) => seq)
      const higher = seqs.find((seq) => places.positionOf(seq) > position)
      expect(places.boundOf(position)).toBe((higher ?? Number.NaN) - 1)
    }),
    { numRuns: 300 },
  )
})

test('what is held is read as it was written', () => {
  const entry = fc.record({
    seq: fc.nat(),
    at: fc.nat(),
    subject: fc.stringMatching(/^[a-z.]{1,40}$/),
    data: fc.uint8Array({ maxLength: 200 }),
  })
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 20 }), (entries) => {
      const headed: HeldEntry[] = entries.map((one, at) => (at % 3 === 0 ? { ...one, id: `ü${at}` } : one))
      const chunk = encodeHeld(headed, 17)
      expect(heldAt(chunk)).toBe(17)
      expect(decodeHeld(chunk).map((one) => ({ ...one, data: new Uint8Array(one.data) }))).toEqual(headed)
    }),
  )
})
