import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decode, decodeForeign, encode, encodePlain } from '#protocol/codec.ts'
import { anyValue } from '#test/support/arbitrary-values.ts'
import { rounds } from '#test/support/rounds.ts'

const refusal = (reason: RegExp) =>
  expect.objectContaining({ code: 'value.unserializable', message: expect.stringMatching(reason) })

describe('a value', () => {
  test('comes back as it went in: maps, sets, dates, big integers, typed arrays, errors, references', () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        expect(isDeepStrictEqual(decode(encode(value)), value)).toBe(true)
      }),
      { numRuns: rounds(500, 4000) },
    )
  })

  test('keeps the order of its keys, and keys that hold undefined', () => {
    const value = { z: 1, a: undefined, m: { y: [undefined, null], b: 2 } }
    const back = decode(encode(value)) as typeof value
    expect(Object.keys(back)).toEqual(['z', 'a', 'm'])
    expect(Object.keys(back.m)).toEqual(['y', 'b'])
    expect(back).toStrictEqual(value)
  })

  test('may hold itself, and one part in two places', () => {
    const loop: Record<string, unknown> = { name: 'loop', list: [] }
    loop['self'] = loop
    loop['again'] = loop['list']
    const back = decode(encode(loop)) as typeof loop
    expect(back['self']).toBe(back)
    expect(back['again']).toBe(back['list'])
  })

  test('of more shapes than one table of records holds comes back whole', () => {
    const shapes = Array.from({ length: 500 }, (_, at) => ({ [`a${at}`]: at, [`b${at % 7}`]: { [`c${at}`]: [at] } }))
    expect(decode(encode([shapes, shapes.map((one) => ({ ...one }))]))).toEqual([shapes, shapes])
  })

  test('describes itself: its bytes are read without anything that was read or written before', () => {
    const bytes = Uint8Array.from(
      encode([
        { a: 1, b: 2 },
        { a: 3, b: 4 },
      ]),
    )
    for (let at = 0; at < 200; at++) encode({ [`k${at}`]: at, a: 1 })
    decode(encode([{ x: 1 }, { y: 2 }]))
    expect(decode(bytes)).toEqual([
      { a: 1, b: 2 },
      { a: 3, b: 4 },
    ])
  })

  test('has bytes of its own, which no later value writes over', () => {
    const first = encode({ text: 'first '.repeat(50) })
    const copy = Buffer.from(first).toString('hex')
    for (let at = 0; at < 500; at++) encode({ text: 'later '.repeat(at) })
    expect(Buffer.from(first).toString('hex')).toBe(copy)
  })

  test("of a class of the user's own becomes the plain data of its fields, or what its toJSON says", () => {
    class Money {
      amount = 5
      get double(): number {
        return this.amount * 2
      }
    }
    expect(decode(encode({ price: new Money(), at: new URL('http://a.example/b') }))).toEqual({
      price: { amount: 5 },
      at: 'http://a.example/b',
    })
  })

  test('cannot name a prototype', () => {
    const back = decode(encode(JSON.parse('{"__proto__":{"admin":true},"a":1}'))) as Record<string, unknown>
    expect(Object.getPrototypeOf(back)).toBe(Object.prototype)
    expect(back['admin']).toBeUndefined()
  })
})

describe('what cannot be made durable', () => {
  const functions: [string, unknown, RegExp][] = [
    ['a function', () => 1, /function/],
    ['a method deep inside', { a: [{ send() {} }] }, /the function send/],
    ['a function in a map', new Map([['on', function later() {}]]), /the function later/],
    ['a symbol', { kind: Symbol('x') }, /symbol/],
    ['a symbol in a set', new Set([Symbol.iterator]), /symbol/],
  ]
  for (const [what, value, reason] of functions) {
    test(`${what} is refused with its name, and the next value is not harmed`, () => {
      expect(() => encode(value)).toThrow(refusal(reason))
      expect(decode(encode([{ a: 1 }, { a: 2 }]))).toEqual([{ a: 1 }, { a: 2 }])
    })
  }

  test('a value that is nested without end is refused', () => {
    let deep: unknown = 0
    for (let at = 0; at < 100_000; at++) deep = [deep]
    expect(() => encode(deep)).toThrow(refusal(/./))
  })
})

describe('bytes for and from others', () => {
  const json = fc
    .json({ depthSize: 'small' })
    .filter((text) => !text.includes('__proto__'))
    .map((text): unknown => JSON.parse(text.replaceAll('-0', '0')))

  test('standard msgpack of plain data is read back by the plain reader', () => {
    fc.assert(
      fc.property(json, (value) => {
        expect(decodeForeign(encodePlain([value]))).toEqual([value])
      }),
    )
  })

  test('JSON is told from msgpack by its first byte', () => {
    fc.assert(
      fc.property(
        fc.dictionary(
          fc.string().filter((name) => name !== '__proto__'),
          json,
        ),
        fc.constantFrom('', ' ', '\n', '\t\r\n '),
        (value, space) => {
          expect(decodeForeign(Buffer.from(space + JSON.stringify(value)))).toEqual(JSON.parse(JSON.stringify(value)))
          expect(decodeForeign(encodePlain({ type: 'A', value }))).toEqual({ type: 'A', value })
        },
      ),
    )
  })
})
