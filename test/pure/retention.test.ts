/** Which of the realm's own cuts stay: the newest, and the newest of each of the last hours and days. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { CutNote } from '#protocol/cut.ts'
import { bySchedule, expiredOf } from '#runtime/cuts/keeping/retention.ts'

const hour = 3_600_000

function note(at: number, given: Partial<CutNote> = {}): CutNote {
  const begunAt = Math.round(at * hour)
  return {
    ...{ id: String(at), name: undefined, state: 'whole', begunAt, at: begunAt, node: 'n', generation: 0 },
    ...{ actors: 0, inFlight: 0, added: 0, bytes: 0, reason: undefined, by: bySchedule, deadline: begunAt },
    ...given,
  }
}

const keptOf = (notes: readonly CutNote[], keep: Parameters<typeof expiredOf>[1]): string[] => {
  const gone = new Set(expiredOf(notes, keep))
  return notes.filter(({ id }) => !gone.has(id)).map(({ id }) => id)
}

test('the newest stay, and the newest of each hour and day that has one [SD5]', () => {
  const notes = [0.1, 0.5, 5.2, 24.1, 30.5, 30.9, 31.1, 31.2, 31.3].map((at) => note(at))
  expect(keptOf(notes, { last: 2, hourly: 0, daily: 0 })).toEqual(['31.2', '31.3'])
  expect(keptOf(notes, { last: 1, hourly: 3, daily: 0 })).toEqual(['24.1', '30.9', '31.3'])
  expect(keptOf(notes, { last: 1, hourly: 0, daily: 2 })).toEqual(['5.2', '31.3'])
  expect(keptOf(notes, { last: 1, hourly: 2, daily: 9 })).toEqual(['5.2', '30.9', '31.3'])
})

test('what somebody took by hand stays, and what is being made', () => {
  const notes = [note(1, { by: 'ann' }), note(2, { state: 'begun' }), note(3, { state: 'recorded' }), note(4), note(5)]
  expect(keptOf(notes, { last: 1, hourly: 0, daily: 0 })).toEqual(['1', '2', '3', '5'])
})

test('of abandoned ones the newest are remembered', () => {
  const notes = Array.from({ length: 30 }, (_, at) => note(at, { state: 'abandoned', by: at % 2 ? 'ann' : bySchedule }))
  expect(expiredOf(notes, { last: 1, hourly: 0, daily: 0 })).toEqual(['9', '8', '7', '6', '5', '4', '3', '2', '1', '0'])
})

test('the newest whole one always stays, whatever is kept, and nothing comes back by looking again', () => {
  const keeps = fc.record({ last: fc.nat(5), hourly: fc.nat(5), daily: fc.nat(5) })
  const instants = fc.uniqueArray(fc.integer({ min: 0, max: 200 }), { minLength: 1 })
  fc.assert(
    fc.property(instants, keeps, (ats, keep) => {
      const notes = ats.map((at) => note(at / 4))
      const kept = keptOf(notes, keep)
      expect(kept).toContain(String(Math.max(...ats) / 4))
      expect(kept.length).toBeLessThanOrEqual(Math.max(1, keep.last) + keep.hourly + keep.daily)
      const left = notes.filter(({ id }) => kept.includes(id))
      expect(keptOf(left, keep)).toEqual(kept)
    }),
  )
})
