/** What readings of one connection ask for: bounded for all together, and something for each. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type WireShare, wireMost, wireShareOf } from '#runtime/nats/wire-share.ts'

type Reader = { owes: number; heard: number; owed(): number; heardAt(): number }

function join(share: WireShare, heard = 0): Reader {
  const reader: Reader = { owes: 0, heard, owed: () => reader.owes, heardAt: () => reader.heard }
  share.join(reader)
  return reader
}

/** As a consumer does. */
function ask(share: WireShare, reader: Reader, now: number): number {
  reader.owes = Math.max(reader.owes, share.window(reader, now))
  return reader.owes
}

test('one reading asks for a thousand at a time, and so do four', () => {
  const share = wireShareOf()
  const readers = Array.from({ length: 4 }, () => join(share))
  expect(readers.map((one) => ask(share, one, 0))).toEqual([1000, 1000, 1000, 1000])
})

test('however many readings catch up at once, no more than a bound and a little of each are on the way', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 80 }),
      fc.array(fc.tuple(fc.nat(), fc.nat(1200)), { maxLength: 400 }),
      (count, turns) => {
        const share = wireShareOf()
        const readers = Array.from({ length: count }, () => join(share))
        for (const one of readers) ask(share, one, 0)
        for (const [which, came] of turns) {
          const one = readers[which % count] as Reader
          one.owes = Math.max(0, one.owes - came)
          expect(share.window(one, 0)).toBeGreaterThanOrEqual(64)
          ask(share, one, 0)
          expect(readers.reduce((sum, { owes }) => sum + owes, 0)).toBeLessThanOrEqual(wireMost + 64 * count)
        }
      },
    ),
  )
})

test('readings that catch up together come to equal shares', () => {
  const share = wireShareOf()
  const readers = Array.from({ length: 16 }, () => join(share))
  for (let round = 0; round < 20; round++)
    for (const one of readers) {
      one.owes = Math.floor(one.owes / 2)
      ask(share, one, 0)
    }
  for (const { owes } of readers) expect(owes).toBeGreaterThan(150)
})

test('mailboxes at rest, which have asked in advance, and readings that ended take nothing from one that reads', () => {
  const share = wireShareOf()
  for (let at = 0; at < 64; at++) ask(share, join(share), 0)
  const gone = Array.from({ length: 8 }, () => join(share, 60_000))
  for (const one of gone) ask(share, one, 60_000)
  for (const one of gone) share.leave(one)
  expect(ask(share, join(share, 60_000), 60_000)).toBe(1000)
})
