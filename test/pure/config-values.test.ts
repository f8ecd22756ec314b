/** What a setting's value may be, and that what is shown can be written again. */
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { count, duration, flag, list, oneOf, optional, port, size, text, type ValueType } from '#config/value-type.ts'

const hour = duration({ min: 0, max: 3_600_000 })
const disk = size({ min: 1, max: 1e12 })

test.each<[ValueType<unknown>, unknown, unknown]>([
  [hour, '500ms', 500],
  [hour, '30s', 30_000],
  [hour, '1.5m', 90_000],
  [hour, '1h', 3_600_000],
  [hour, '250', 250],
  [hour, 250, 250],
  [hour, 0, 0],
  [disk, '64MB', 64_000_000],
  [disk, '64MiB', 67_108_864],
  [disk, '1GB', 1_000_000_000],
  [disk, '1 GB', 1_000_000_000],
  [count({ min: 1, max: 9 }), '7', 7],
  [port(), '0', 0],
  [port(), 65_535, 65_535],
  [oneOf('process', 'power'), 'power', 'power'],
  [flag(), true, true],
  [flag(), 'no', false],
  [list(text()), 'a, b', ['a', 'b']],
  [list(text()), ['a', 'b'], ['a', 'b']],
  [optional(text()), 'a', 'a'],
])('%o reads %o', (type, raw, value) => {
  expect(type.read(raw)).toEqual(value)
})

test.each<[ValueType<unknown>, unknown, string]>([
  [hour, '2h', 'past the range'],
  [hour, '1 fortnight', 'an unknown unit'],
  [hour, '-1', 'below zero'],
  [hour, '', 'nothing'],
  [hour, null, 'null'],
  [hour, Number.NaN, 'no number'],
  [disk, '1e3', 'a float'],
  [count({ min: 1, max: 9 }), 1.5, 'a fraction'],
  [count({ min: 1, max: 9 }), '10', 'past the range'],
  [port(), 65_536, 'past the range'],
  [oneOf('process', 'power'), 'Power', 'another case'],
  [flag(), 'maybe', 'neither'],
  [text(), '', 'empty'],
  [text(), 'a\nb', 'two lines'],
  [text(), 7, 'a number'],
  [list(text()), [], 'an empty list'],
  [list(text()), ['a', 7], 'a list with a number'],
])('%o refuses %o: %s', (type, raw) => {
  expect(type.read(raw)).toBeUndefined()
})

test('an amount that is shown reads back as the same amount', () => {
  fc.assert(fc.property(fc.integer({ min: 0, max: 3_600_000 }), (value) => hour.read(hour.write(value)) === value))
  fc.assert(fc.property(fc.integer({ min: 1, max: 1e12 }), (value) => disk.read(disk.write(value)) === value))
})

test('an amount is shown in the largest unit that leaves a whole number', () => {
  expect([hour.write(3_600_000), hour.write(1_500), hour.write(0)]).toEqual(['1h', '1500ms', '0'])
  expect([disk.write(1e9), disk.write(2 ** 20), disk.write(1001)]).toEqual(['1GB', '1MiB', '1001B'])
})
