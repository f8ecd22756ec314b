import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decode, encode } from '#protocol/codec.ts'
import { applyAll, openStateWriter, type WrittenState } from '#protocol/delta.ts'
import { anyValue } from '#test/support/arbitrary-values.ts'

const stateOf = (context: unknown, steps = 1) => [1, 1, 'hash', 0, 'talking', context, 3, steps, 1e12, 1e12 + steps]
const large = (extra: object = {}) => ({ text: 'x'.repeat(5000), ...extra })

/** Puts together what a writer gave, as a store does. */
function openReader(): { take(written: WrittenState): unknown } {
  let base: Uint8Array | undefined
  let deltas: Uint8Array[] = []
  return {
    take(written) {
      if (written.is === 'full') {
        base = written.bytes
        deltas = []
      } else if (written.is === 'delta') {
        deltas.push(written.bytes)
      }
      return applyAll(decode(base as Uint8Array), deltas)
    },
  }
}

describe('a state writer', () => {
  test('gives forms that put together are the state, and remembers it, through any steps', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(anyValue, fc.nat(6000)), { minLength: 1, maxLength: 12 }), (steps) => {
        const writer = openStateWriter()
        const reader = openReader()
        const context: Record<string, unknown> = {}
        steps.forEach(([value, size], at) => {
          context[`k${at % 4}`] = value
          context['text'] = 'y'.repeat(size)
          const state = stateOf(context, at)
          const want = decode(encode(state))
          expect(isDeepStrictEqual(reader.take(writer.write(state)), want)).toBe(true)
          expect(isDeepStrictEqual(writer.current(), want)).toBe(true)
        })
      }),
    )
  })

  test('writes a small state whole each time, and a large one whole once', () => {
    const small = openStateWriter()
    expect([1, 2, 3].map((n) => small.write(stateOf({ n }, n)).is)).toEqual(['full', 'full', 'full'])
    const writer = openStateWriter()
    expect([1, 2, 3].map((n) => writer.write(stateOf(large({ n }), n)).is)).toEqual(['full', 'delta', 'delta'])
  })

  test('goes on with differences after the actor was away, whatever was done to the array since', () => {
    const stored = stateOf(large({ list: [1] }))
    const writer = openStateWriter(stored)
    ;(stored[5] as { list: number[] }).list.push(2)
    const written = writer.write(stored)
    expect(written.is).toBe('delta')
    expect(applyAll(stateOf(large({ list: [1] })), [(written as { bytes: Uint8Array }).bytes])).toEqual(
      stateOf(large({ list: [1, 2] })),
    )
  })

  test('writes the whole when most of it changed, and nothing when nothing did', () => {
    const writer = openStateWriter()
    writer.write(stateOf(large()))
    expect(writer.write(stateOf(large()))).toEqual({ is: 'same' })
    expect(writer.write(stateOf({ text: 'z'.repeat(5000) }, 2)).is).toBe('full')
    expect(writer.write(stateOf({ text: `${'z'.repeat(5000)}!` }, 3)).is).toBe('delta')
  })

  test('forgets about differences when a state has become small', () => {
    const writer = openStateWriter()
    writer.write(stateOf({ a: 'x'.repeat(5000), b: 1 }))
    const forms = Array.from({ length: 80 }, (_, n) => writer.write(stateOf({ b: n }, n)).is)
    expect(forms[0]).toBe('delta')
    expect(forms.slice(-5)).toEqual(['full', 'full', 'full', 'full', 'full'])
  })

  test('gives back what was written last, untouched by what was done to it', () => {
    expect(openStateWriter().current()).toBeUndefined()
    for (const context of [
      { n: 1, when: new Date(5), map: new Map([[{ a: 1 }, new Error('x')]]) },
      large({ when: new Date(5), list: [new Set([1])], bytes: new Uint8Array([1]), error: new Error('x') }),
    ]) {
      const state = stateOf(context)
      const want = decode(encode(state))
      const writer = openStateWriter(state)
      ;(state[5] as { when: Date }).when.setTime(9)
      expect(isDeepStrictEqual(writer.current(), want)).toBe(true)
      const mine = writer.current() as [0, 0, 0, 0, 0, { when: Date }]
      mine[5].when.setTime(77)
      expect(isDeepStrictEqual(writer.current(), want)).toBe(true)
    }
  })

  test('refuses what cannot be stored, names the actor, and then counts as not called', () => {
    const bad: unknown[] = [() => 1, Symbol('s'), { deep: [new Map([[1, { send() {} }]])] }]
    for (const value of bad) {
      for (const first of [{ n: 1 }, large({ n: 1 })]) {
        const writer = openStateWriter(stateOf(first), 'order/42')
        const before = writer.current()
        expect(() => writer.write(stateOf({ ...first, n: 2, value }, 2))).toThrow(
          expect.objectContaining({ code: 'actor.unserializable', message: expect.stringContaining('order/42') }),
        )
        expect(writer.current()).toEqual(before)
        const reader = openReader()
        reader.take({ is: 'full', bytes: encode(stateOf(first)) })
        expect(reader.take(writer.write(stateOf({ ...first, n: 3 }, 3)))).toEqual(stateOf({ ...first, n: 3 }, 3))
      }
    }
  })

  test('keeps the promise for a context that holds itself, and for one part in two places', () => {
    const loop: Record<string, unknown> = large()
    loop['self'] = loop
    const writer = openStateWriter()
    for (const n of [1, 2]) {
      const written = writer.write(stateOf(loop, n))
      expect(written.is).toBe('full')
      const back = writer.current() as [0, 0, 0, 0, 0, Record<string, unknown>]
      expect(back[5]['self']).toBe(back[5])
    }
    // The base has one object in two places; a change of one of them must not show in the other.
    const part = { x: 1, text: 'x'.repeat(3000) }
    const reader = openReader()
    const second = openStateWriter()
    reader.take(second.write(stateOf({ chosen: part, all: [part] })))
    expect(reader.take(second.write(stateOf({ chosen: { ...part, x: 2 }, all: [part] }, 2)))).toEqual(
      stateOf({ chosen: { ...part, x: 2 }, all: [part] }, 2),
    )
  })
})
