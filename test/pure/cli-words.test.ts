/** What people type and what they read: flags, events, columns, amounts. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Command } from '#bin/command.ts'
import { commands, loadAll } from '#bin/commands.ts'
import { eventOfWords } from '#bin/event-words.ts'
import { exitCodeOf } from '#bin/exit-codes.ts'
import { clip, dueText, lengthOf, span, stateText, table, wrap } from '#bin/layout.ts'
import { plain } from '#bin/output.ts'
import { parseLine } from '#bin/parse-line.ts'
import { textOfTrace } from '#bin/trace-text.ts'
import { Fault } from '#protocol/fault.ts'

const command: Command = {
  name: 'try',
  title: 'for this test',
  usage: [''],
  about: [],
  examples: ['try'],
  flags: { limit: { type: 'text', about: '' }, all: { type: 'yes', about: '' }, timeout: { type: 'text', about: '' } },
  settings: 'connection',
  json: '',
  run: () => Promise.resolve(0),
}

const codeOf = (make: () => unknown): string => {
  try {
    make()
    return 'none'
  } catch (error) {
    return error instanceof Fault ? error.code : String(error)
  }
}

test('words, flags of the command and flags of settings are told apart, in any order', () => {
  const line = parseLine(command, [
    'one',
    '--limit',
    '5',
    '--realm=shop',
    'two',
    '--all',
    '--timeout',
    '2s',
    '--',
    '--three',
  ])
  expect(line.words).toEqual(['one', 'two', '--three'])
  expect(line.count('limit', 1)).toBe(5)
  expect(line.is('all')).toBe(true)
  expect(line.ms('timeout', 1)).toBe(2_000)
  expect(line.settings).toEqual({ realm: 'shop' })
})

test.each([['--limti', '3'], ['--limit'], ['--limit', '--all'], ['--all=1'], ['--port', '1'], ['-x']])(
  'refused: %s %s',
  (...args) => {
    expect(codeOf(() => parseLine(command, args))).toBe('usage.invalid')
  },
)

test('an event is JSON, or a type and pairs whose values are JSON where they can be', () => {
  expect(eventOfWords(['PAY', 'amount=5', 'to=ada', 'tags=["a"]', 'ok=true', 'note=a=b', 'empty='])).toEqual({
    type: 'PAY',
    amount: 5,
    to: 'ada',
    tags: ['a'],
    ok: true,
    note: 'a=b',
    empty: '',
  })
  expect(eventOfWords(['{"type":"PAY","amount":5}'])).toEqual({ type: 'PAY', amount: 5 })
  expect(
    [[], ['PAY', '5'], ['{"type":'], ['{"type":"A"}', 'more']].map((words) => codeOf(() => eventOfWords(words))),
  ).toEqual(['usage.invalid', 'usage.invalid', 'usage.invalid', 'usage.invalid'])
  expect(codeOf(() => eventOfWords(['{"a":1}']))).toBe('event.untyped')
})

test('no line of a table or paragraph is wider than it may be, whatever stands in it', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.string(), fc.string({ maxLength: 200 }), fc.string({ maxLength: 300 }))),
      (rows) => {
        const lines = table(
          [{ head: 'A', most: 10 }, { head: 'B', most: 20 }, { head: 'C' }],
          rows.map((row) => row.map((cell) => clip(cell, 300))),
          80,
        )
        expect(Math.max(...lines.map(lengthOf))).toBeLessThanOrEqual(80)
      },
    ),
  )
  fc.assert(
    fc.property(fc.array(fc.string({ maxLength: 40 })), (words) => {
      expect(Math.max(...wrap(words.join(' '), 60).map((line) => line.length))).toBeLessThanOrEqual(60)
    }),
  )
})

test('amounts of time are said in their two largest units', () => {
  expect([0, 340, 1_000, 61_000, 3_600_000, 3_660_000, 90_000_000, 86_400_000 * 3].map(span)).toEqual([
    '0ms',
    '340ms',
    '1s',
    '1m 1s',
    '1h',
    '1h 1m',
    '1d 1h',
    '3d',
  ])
  expect([dueText(5_000, 0), dueText(0, 5_000)]).toEqual(['in 5s', '5s ago'])
})

test('a state is said as its path', () => {
  expect([
    stateText('paid'),
    stateText({ open: 'waiting' }),
    stateText({ a: 'x', b: { c: 'y' } }),
    stateText({}),
    stateText(null, 'done'),
  ]).toEqual(['paid', 'open.waiting', '(a.x, b.c.y)', '-', 'done'])
})

test('what JSON would lose is still there as the nearest thing', () => {
  const circle: Record<string, unknown> = {}
  circle['self'] = circle
  const value = {
    map: new Map([['a', 1n]]),
    set: new Set([1]),
    at: new Date(0),
    error: new TypeError('no'),
    bytes: new Uint8Array([1]),
    circle,
  }
  expect(JSON.parse(JSON.stringify(plain(value)))).toEqual({
    map: { a: '1' },
    set: [1],
    at: '1970-01-01T00:00:00.000Z',
    error: { name: 'TypeError', message: 'no' },
    bytes: 'AQ==',
    circle: { self: '(circular)' },
  })
})

test.each([
  [new Fault('usage.invalid', { reason: '' }), 2],
  [new Fault('config.unknown'), 2],
  [new Fault('address.invalid'), 2],
  [new Fault('actor.unknown'), 3],
  [new Fault('bus.unreachable'), 3],
  [new Fault('realm.missing'), 3],
  [new Fault('ask.deadline'), 4],
  [new Fault('bus.timeout'), 4],
  [new Fault('port.taken'), 1],
  [new Fault('kind.unknown'), 1],
  [new Error('anything'), 1],
])('%s ends with %i', (error, code) => {
  expect(exitCodeOf(error)).toBe(code)
})

test('each command is called as its file says, and says what --json prints and one example of its own', async () => {
  const all = await loadAll()
  expect(all.map(({ name }) => name)).toEqual(Object.keys(commands))
  for (const { name, json, examples, title } of all) {
    expect(json).not.toBe('')
    expect(examples.every((line) => line === name || line.startsWith(`${name} `))).toBe(true)
    expect(title.length).toBeLessThanOrEqual(66)
  }
})

test('what a machine logs is cut, and no other trace carries a payload', () => {
  const { text } = textOfTrace({
    is: 'actor.log',
    address: 'order/1',
    label: 'seen',
    value: { secret: 'x'.repeat(5_000) },
  })
  expect(text.length).toBeLessThanOrEqual(500)
})
