/** What people write for an instant is read as they mean it, or refused in words. */
import { expect, test } from 'vitest'
import { instantText, isWithin, parseInstant } from '#runtime/past/instant.ts'

const now = new Date('2026-03-10T12:00:00').getTime()
const hour = 3_600_000

test.each([
  ['1041', { seq: 1041 }],
  ['seq:1041', { seq: 1041 }],
  ['last', { cut: 'last' }],
  ['before-deploy', { cut: 'before-deploy' }],
  ['cut:1041', { cut: '1041' }],
  ['cut:5m', { cut: '5m' }],
  ['5m', { time: now - 300_000 }],
  ['1.5h', { time: now - 1.5 * hour }],
  ['time:2d', { time: now - 48 * hour }],
  ['10:15', { time: now - 1.75 * hour }],
  // Of a time of day that is still to come, yesterday's.
  ['13:00:30', { time: now - 23 * hour + 30_000 }],
  ['2026-03-01T10:15:00Z', { time: Date.UTC(2026, 2, 1, 10, 15) }],
] as const)('%s', (text, instant) => {
  expect(parseInstant(text, now)).toEqual(instant)
})

test.each(['2026-13-77', 'time:soon', 'seq:x', '2026-02-30T99:00'])('%s is refused', (text) => {
  expect(() => parseInstant(text, now)).toThrow(expect.objectContaining({ code: 'instant.unreadable' }) as Error)
})

test('what was committed at an instant is in it', () => {
  const commit = { seq: 7, at: 100 }
  expect([6, 7, 8].map((seq) => isWithin({ seq }, commit))).toEqual([false, true, true])
  expect([99, 100, 101].map((time) => isWithin({ time }, commit))).toEqual([false, true, true])
  expect(instantText({ time: 0 })).toBe('1970-01-01T00:00:00.000Z')
})
