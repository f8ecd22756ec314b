import { inspect, isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decode, encode } from '#protocol/codec.ts'
import { advance, apply, applyAll, diff, shadowOf } from '#protocol/delta.ts'
import { anyValue } from '#test/support/arbitrary-values.ts'
import { rounds } from '#test/support/rounds.ts'

const stored = (value: unknown) => decode(encode(value))

/** Deep equality that also sees the order of keys, which storing keeps. */
function expectStoredAlike(have: unknown, want: unknown): void {
  // Not `toEqual`, which is misled by keys such as "constructor".
  if (!isDeepStrictEqual(have, want))
    expect.unreachable(`${inspect(have, { depth: 9 })} is not ${inspect(want, { depth: 9 })}`)
  expect(keyOrders(have)).toEqual(keyOrders(want))
}

function keyOrders(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(keyOrders)
  if (value instanceof Map) return Array.from(value, ([key, item]) => [keyOrders(key), keyOrders(item)])
  if (value instanceof Set) return Array.from(value, keyOrders)
  if (typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype) {
    return Object.keys(value).map((key) => [key, keyOrders((value as Record<string, unknown>)[key])])
  }
  return typeof value === 'object' ? 0 : value
}

describe('a difference', () => {
  test('put onto the stored base gives what storing the next value whole would give', () => {
    fc.assert(
      fc.property(anyValue, anyValue, (before, after) => {
        const delta = diff(shadowOf(before), after)
        expectStoredAlike(delta === undefined ? stored(before) : apply(stored(before), delta), stored(after))
      }),
      { numRuns: rounds(300, 3000) },
    )
  })

  test('of equal values is none', () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        expect(diff(shadowOf(value), stored(value))).toBeUndefined()
        expect(diff(shadowOf(stored(value)), value)).toBeUndefined()
      }),
    )
  })

  test('keeps the order of keys, whichever stayed, went, came and moved', () => {
    const names = ['a', 'b', 'c', 'd', '2', '10', 'e']
    const entries = fc
      .shuffledSubarray(names)
      .chain((keys) =>
        fc.tuple(...keys.map((key) => fc.integer({ min: 0, max: 1 }).map((value) => [key, value] as const))),
      )
    fc.assert(
      fc.property(entries, entries, (before, after) => {
        for (const of of [
          (all: typeof before): unknown => [Object.fromEntries(all), 1],
          (all: typeof before): unknown => [new Map(all), 1],
          (all: typeof before): unknown => [new Set(all.map(([key]) => key)), 1],
        ]) {
          const delta = diff(shadowOf(of(before)), of(after))
          expectStoredAlike(
            delta === undefined ? stored(of(before)) : apply(stored(of(before)), delta),
            stored(of(after)),
          )
        }
      }),
      { numRuns: rounds(100, 1000) },
    )
  })

  test('of two lists of few different members is right whatever was put in, taken out and repeated', () => {
    const list = fc.array(
      fc.oneof(
        fc.integer({ min: 0, max: 2 }),
        fc.integer({ min: 0, max: 2 }).map((n) => ({ n })),
      ),
      { maxLength: 12 },
    )
    fc.assert(
      fc.property(list, list, (before, after) => {
        const delta = diff(shadowOf([{ before }]), [{ before: after }])
        expectStoredAlike(delta === undefined ? stored([{ before }]) : apply(stored([{ before }]), delta), [
          { before: after },
        ])
      }),
      { numRuns: rounds(400, 4000) },
    )
  })

  test('sees changes made in place, step after step, in one shadow', () => {
    fc.assert(
      fc.property(anyValue, fc.array(fc.tuple(fc.nat(), fc.nat(3), anyValue), { maxLength: 12 }), (first, edits) => {
        const state = [1, { root: first, list: [first, 'x'] }]
        const shadow = shadowOf(state)
        const base = stored(state)
        const before = encode(base)
        const deltas: Uint8Array[] = []
        for (const edit of edits) {
          mutate(state[1], edit)
          const delta = advance(shadow, state)
          if (delta !== undefined) deltas.push(delta)
          expectStoredAlike(applyAll(base, deltas), stored(state))
        }
        expect(encode(base)).toEqual(before)
      }),
      { numRuns: rounds(60, 600) },
    )
  })
})

/** Changes one container, chosen by number, in place. */
function mutate(root: unknown, [where, how, value]: readonly [number, number, unknown]): void {
  const containers: object[] = []
  const visit = (item: unknown): void => {
    if (typeof item !== 'object' || item === null || containers.includes(item)) return
    if (Array.isArray(item)) {
      containers.push(item)
      item.forEach(visit)
    } else if (item instanceof Map) {
      containers.push(item)
      for (const part of item.values()) visit(part)
    } else if (item instanceof Set || item instanceof Uint8Array || item instanceof Date) {
      containers.push(item)
    } else if (Object.getPrototypeOf(item) === Object.prototype) {
      containers.push(item)
      Object.values(item).forEach(visit)
    }
  }
  visit(root)
  const target = containers[where % containers.length]
  if (Array.isArray(target)) {
    if (how === 0) target.push(value)
    else if (how === 1) target.shift()
    else if (how === 2) target.splice(where % (target.length + 1), 1, value, value)
    else target.reverse()
  } else if (target instanceof Map) {
    if (how === 0) target.clear()
    else target.set(how, value)
  } else if (target instanceof Set) {
    if (how === 0) target.clear()
    else target.add(how)
  } else if (target instanceof Uint8Array) {
    target.fill(how)
  } else if (target instanceof Date) {
    target.setTime(how)
  } else {
    const record = target as Record<string, unknown>
    const key = Object.keys(record)[where % 3] ?? 'new'
    if (how === 0) delete record[key]
    else if (typeof record[key] === 'string') record[key] += ' and more of it'
    else record[how === 1 ? key : `k${how}`] = value
  }
}
