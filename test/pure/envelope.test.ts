import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decode, encode, encodePlain } from '#protocol/codec.ts'
import {
  type AnyEvent,
  type Content,
  decodeEnvelope,
  encodeEnvelope,
  type EffectResult,
  type Envelope,
} from '#protocol/envelope.ts'
import { decodeOutside, encodeOutside } from '#protocol/outside.ts'
import { isFault } from '#protocol/fault.ts'
import { type AnyRecord, decodeRecord, encodeRecord } from '#protocol/record.ts'
import { decodeState, encodeState } from '#protocol/state.ts'
import { anyText, anyValue } from '#test/support/arbitrary-values.ts'
import { rounds } from '#test/support/rounds.ts'

const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined })
const count = fc.integer({ min: 0, max: 2 ** 50 })
const address = fc.constantFrom('order/42', 'agent/a=20b', 'order/42~pay~3') as fc.Arbitrary<Envelope['to']>
const event: fc.Arbitrary<AnyEvent> = fc
  .tuple(anyText, fc.dictionary(fc.constantFrom('a', 'b', 'list'), anyValue))
  .map(([type, rest]) => ({ ...rest, type }))
const result: fc.Arbitrary<EffectResult> = fc.oneof(
  anyValue.map((output) => ({ is: 'done' as const, output })),
  anyValue.map((error) => ({ is: 'error' as const, error })),
  fc.tuple(count, event).map(([nth, one]) => ({ is: 'event' as const, nth, event: one })),
  fc.tuple(count, anyValue).map(([nth, snapshot]) => ({ is: 'snapshot' as const, nth, snapshot })),
  fc.constant({ is: 'unknown' as const }),
)
const content: fc.Arbitrary<Content> = fc.oneof(
  event.map((one) => ({ is: 'event' as const, event: one })),
  anyValue.map((input) => ({ is: 'start' as const, input })),
  fc.tuple(anyValue, address).map(([input, parent]) => ({
    is: 'start' as const,
    input,
    parent: { address: parent, id: 'c', spawn: 3, path: ['a', 'b'], sync: true },
  })),
  anyText.map((reason) => ({ is: 'stop' as const, reason })),
  fc.constant({ is: 'delete' as const }),
  address.map((watcher) => ({ is: 'watch' as const, watcher })),
  address.map((watcher) => ({ is: 'unwatch' as const, watcher })),
  fc.tuple(anyText, result).map(([effect, one]) => ({ is: 'effect' as const, effect, result: one })),
  anyText.map((name) => ({ is: 'cancelTimer' as const, name })),
  fc.tuple(anyText, result).map(([effect, one]) => ({ is: 'resolveEffect' as const, effect, result: one })),
  anyText.map((ask) => ({ is: 'cancel' as const, ask })),
)
const envelope: fc.Arbitrary<Envelope> = fc
  .record({
    to: address,
    content,
    from: optional(anyText),
    at: count,
    id: optional(anyText),
    n: count,
    index: count,
    generation: fc.nat(9),
    cause: optional(anyText),
    ask: optional(fc.record({ to: anyText, id: anyText, deadline: count, emitted: optional(anyText) })),
    traceparent: optional(anyText),
  })
  .chain((one) =>
    (one.ask === undefined ? optional(count) : fc.constant(one.ask.deadline)).map((deadline) => ({ ...one, deadline })),
  )

/** Fields that are absent and fields that are undefined are the same to every reader. */
const without = (value: object) => Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined))

function expectAlike(have: Envelope, want: Envelope): void {
  const same = isDeepStrictEqual(
    { ...without(have), ask: without(have.ask ?? {}) },
    { ...without(want), ask: without(want.ask ?? {}) },
  )
  if (!same) expect(have).toEqual(want)
  expect(same).toBe(true)
}

describe('an envelope', () => {
  test('of every content comes back, alone and with a record inside', () => {
    fc.assert(
      fc.property(envelope, optional(fc.uint8Array({ minLength: 1, maxLength: 40 })), (one, record) => {
        const back = decodeEnvelope(one.to, encodeEnvelope(one, record))
        expectAlike(back.envelope, one)
        expect(back.record === undefined ? undefined : [...back.record]).toEqual(
          record === undefined ? undefined : [...record],
        )
      }),
      { numRuns: rounds(400, 3000) },
    )
  })

  test('of a newer format, of an unknown content or of no sense is refused with a fault', () => {
    const codes: [unknown, string][] = [
      [[2, 0, { type: 'A' }], 'envelope.format'],
      [[1, 99, {}], 'envelope.format'],
      [{ type: 'A' }, 'envelope.undecodable'],
      [['x'], 'envelope.undecodable'],
    ]
    for (const [value, code] of codes)
      expect(() => decodeEnvelope('order/1', encode(value))).toThrow(expect.objectContaining({ code }))
    expect(() => decodeEnvelope('order/1', Buffer.from([0x93, 1]))).toThrow(
      expect.objectContaining({ code: 'envelope.undecodable' }),
    )
  })
})

const outside = (bytes: Uint8Array) => decodeOutside({ to: 'order/1', at: 7, bytes })

describe('an entry from outside', () => {
  const good = encodeOutside(
    { type: 'PAY', amount: 5, when: new Date(0), map: new Map([[1, { a: 1 }]]), list: [1, { x: 'y' }] },
    { client: 'c', n: 1, id: 'i' },
  )
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 60 }),
    fc.uint8Array({ maxLength: 60 }).map((rest) => Uint8Array.from([0x93, ...rest])),
    fc
      .array(
        fc.tuple(
          fc.nat(good.length - 1),
          fc.oneof(
            fc.nat(255),
            fc.constantFrom(0xc1, 0xc7, 0xc9, 0xd4, 0xd6, 0xdd, 0xdf, 0xdb, 0x62, 0x69, 0x70, 0x72, 0x74),
          ),
        ),
        { minLength: 1, maxLength: 4 },
      )
      .map((changes) => {
        const copy = Uint8Array.from(good)
        for (const [at, byte] of changes) copy[at] = byte
        return copy
      }),
    fc.nat(good.length).map((length) => good.subarray(0, length)),
    fc.string().map((text) => Buffer.from(text)),
    fc.json().map((text) => Buffer.from(text)),
  )

  test('is an event or a cancellation, or a fault; whatever it was, the next one is read as if it had not been', () => {
    fc.assert(
      fc.property(bytes, (one) => {
        try {
          const { content: have, n, index, generation } = outside(one)
          expect(['event', 'cancel']).toContain(have.is)
          if (have.is === 'event') expect(typeof have.event.type).toBe('string')
          expect([Number.isSafeInteger(n), index, generation]).toEqual([true, 0, 0])
        } catch (error) {
          if (!isFault(error)) throw error
        }
        expect(outside(good).content).toMatchObject({
          is: 'event',
          event: { type: 'PAY', amount: 5, list: [1, { x: 'y' }] },
        })
      }),
      { numRuns: rounds(1000, 10_000) },
    )
  })

  test('that claims a length it does not have, or nests without end, is refused', () => {
    const nested = Array.from({ length: 100_000 }, () => 0x91)
    const claims = [
      [0xdd, 255, 255, 255, 255],
      [0x93, 0xdd, 255, 255, 255, 255],
      [0x93, 0xdf, 127, 255, 255, 255],
      [0x93, 0xdb, 255, 255, 255, 255],
      [0x93, 0xc6, 255, 255, 255, 255],
      nested,
      [0x93, ...nested],
      [],
    ]
    for (const claim of claims)
      expect(() => outside(Uint8Array.from(claim))).toThrow(expect.objectContaining({ code: 'envelope.undecodable' }))
    expect(() => outside(Buffer.from('['.repeat(100_000)))).toThrow(
      expect.objectContaining({ code: 'envelope.undecodable' }),
    )
  })

  test('that names its parts again and again is refused before anything walks through it', () => {
    let twice: unknown = []
    for (let level = 0; level < 60; level++) twice = [twice, twice]
    const bomb = encodeOutside({ type: 'A', twice }, {})
    expect(bomb.length).toBeLessThan(1000)
    expect(() => outside(bomb)).toThrow(expect.objectContaining({ code: 'envelope.undecodable' }))
    // Each of a deep chain's links is named by itself as well, so that none seems to be deep.
    const chain: unknown[][] = [[]]
    while (chain.length < 1200) chain.push([chain.at(-1)])
    for (const links of [
      [chain.at(-1), ...chain],
      [chain.at(-1), ...chain.toReversed()],
      [...chain, chain.at(-1)],
    ])
      expect(() => outside(encodeOutside({ type: 'A', links }, {}))).toThrow(
        expect.objectContaining({ code: 'envelope.undecodable' }),
      )
    const part = { who: 'me', tags: ['x'] }
    const ring: unknown[] = []
    ring.push(ring, part)
    expect(outside(encodeOutside({ type: 'A', one: part, two: part, ring }, {})).content).toMatchObject({ is: 'event' })
  })

  test('cannot speak for the runtime, in JSON, in msgpack or in our own form', () => {
    for (const type of ['xstate.init', 'xstate.done.actor.x', 'xstate.error.actor.x', 'perdure.anything']) {
      for (const form of [
        Buffer.from(JSON.stringify({ type })),
        encodePlain({ type }),
        encodeOutside({ type }, {}),
        encodeOutside({ type }, { client: 'c', n: 1 }),
        Buffer.from(JSON.stringify([1, { type }, {}])),
      ]) {
        expect(() => outside(form)).toThrow(expect.objectContaining({ code: 'event.reserved' }))
      }
    }
  })

  test('is trusted in nothing: what it says of itself is taken only in the form it must have', () => {
    const forged = {
      client: 'a b',
      session: 'a.b',
      n: 1.5,
      floor: 'x',
      id: 9,
      emitted: 4,
      trace: 'no',
      to: 'order/2',
      generation: 9,
      index: 4,
    }
    expect(outside(encode([1, { type: 'A' }, forged]))).toMatchObject({
      to: 'order/1',
      from: undefined,
      session: undefined,
      n: 0,
      floor: undefined,
      id: undefined,
      ask: undefined,
      traceparent: undefined,
      generation: 0,
      index: 0,
    })
    expect(outside(encode([1, { type: 'A' }, { child: '~pay~3' }])).to).toBe('order/1~pay~3')
  })

  test('is refused when what it asks for cannot be kept: a long type or id, a question without a way back', () => {
    const long = 'x'.repeat(257)
    const client = 'c'
    const refusals: [unknown, object, string][] = [
      [{ type: long }, {}, 'event.typeTooLong'],
      [{ type: 'A' }, { client, ask: 'q', emitted: long }, 'event.typeTooLong'],
      [{ type: 'A' }, { id: long }, 'event.idTooLong'],
      [{ type: 'A' }, { client, ask: '>' }, 'ask.invalid'],
      [{ type: 'A' }, { client, ask: long }, 'ask.invalid'],
      [{ type: 'A' }, { client: 'a b', ask: 'q' }, 'ask.invalid'],
      [{ type: 'A' }, { ask: 'q' }, 'ask.invalid'],
      [{ type: 'A' }, { child: '~x/../y' }, 'address.invalid'],
      [{ type: 'A' }, { child: 7 }, 'address.invalid'],
      [{ type: 'A' }, { child: { toString: 1 } }, 'address.invalid'],
      [{ type: 'A' }, { deadline: { toString: 1 } }, 'ask.deadlineInvalid'],
      [{ type: 'A' }, { child: `~${'x'.repeat(1_000_000)}~1` }, 'address.invalid'],
      [{ type: 'A' }, { deadline: Number.NaN }, 'ask.deadlineInvalid'],
    ]
    for (const [event, note, code] of refusals)
      expect(() => outside(encode([1, event, note]))).toThrow(expect.objectContaining({ code }))
    const most = 'x'.repeat(256)
    expect(outside(encode([1, { type: most }, { id: most }]))).toMatchObject({
      id: most,
      content: { event: { type: most } },
    })
  })

  test('has a type, or is refused', () => {
    for (const value of [null, 5, 'text', [], {}, { type: 5 }, [1], [1, null, null], [1, { type: null }, 7]]) {
      expect(() => outside(Buffer.from(JSON.stringify(value)))).toThrow(
        expect.objectContaining({ code: expect.stringMatching(/^event\.untyped|envelope\.undecodable/) }),
      )
    }
  })
})

describe('a record', () => {
  const records: fc.Arbitrary<AnyRecord> = fc.oneof(
    fc.record({
      is: fc.constant('claim' as const),
      generation: count,
      partition: fc.nat(64),
      epoch: count,
      previous: count,
      nonce: anyText,
      node: anyText,
      at: count,
    }),
    fc.record({
      is: fc.constant('part' as const),
      partition: fc.nat(64),
      epoch: count,
      n: count,
      part: fc.nat(9),
      parts: fc.nat(9),
      bytes: fc.uint8Array({ maxLength: 9 }),
    }),
    fc.record({
      is: fc.constant('commit' as const),
      generation: count,
      partition: fc.nat(64),
      epoch: count,
      n: count,
      previous: count,
      cursor: count,
      heard: count,
      at: count,
      awayMs: count,
      openedAt: count,
      changes: fc.array(
        fc.oneof(
          fc
            .tuple(address, fc.uint8Array({ maxLength: 9 }))
            .map(([to, state]) => ({ address: to, is: 'full' as const, state })),
          fc
            .tuple(address, fc.uint8Array({ maxLength: 9 }))
            .map(([to, delta]) => ({ address: to, is: 'delta' as const, delta })),
          address.map((to) => ({ address: to, is: 'gone' as const })),
        ),
        { maxLength: 3 },
      ),
      marks: fc.array(fc.tuple(count, count, count), { maxLength: 3 }),
      clients: fc.array(fc.tuple(anyText, count, count), { maxLength: 3 }),
      steps: fc.array(
        fc.oneof(
          fc.record({ change: count, seq: count, type: anyText }),
          fc.record({ change: count, seq: count, type: anyText, mark: fc.constant('parked' as const) }),
          fc.record({
            change: count,
            seq: count,
            type: anyText,
            decision: fc.constant({ options: [{ target: ['a'], guard: 'g', chosen: true }], confidence: 0.5 }),
          }),
        ),
        { maxLength: 3 },
      ),
    }),
  )

  test('comes back', () => {
    fc.assert(
      fc.property(records, (record) => {
        expect(decodeRecord(encodeRecord(record))).toEqual(record)
      }),
    )
  })

  test('that is none is refused with a fault', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array({ maxLength: 40 }),
          anyValue.map((value) => Uint8Array.from(encode(value))),
        ),
        (bytes) => {
          try {
            decodeRecord(bytes)
          } catch (error) {
            if (!isFault(error)) throw error
          }
        },
      ),
      { numRuns: rounds(500, 4000) },
    )
  })
})

describe('a state', () => {
  test('comes back, with an output of null told from none', () => {
    const base = { version: 1, hash: 'h', visits: 1, steps: 2, bornAt: 3, steppedAt: 4, book: {} }
    fc.assert(
      fc.property(
        anyValue,
        fc.oneof(anyValue, fc.constant(null), fc.constant(undefined)),
        fc.oneof(anyValue, fc.constant(null), fc.constant(undefined)),
        fc.boolean(),
        (context, output, error, hasBook) => {
          const state = {
            ...base,
            book: hasBook ? { input: context, counts: { unhandled: 1 } } : {},
            snapshot: { status: 'done' as const, value: { a: 'b' }, context, history: undefined, output, error },
          }
          expect(isDeepStrictEqual(decodeState(encodeState(state)), state)).toBe(true)
        },
      ),
    )
  })

  test('that is none is refused with a fault', () => {
    for (const bytes of [new Uint8Array(0), Buffer.from('{}'), encode('x'), encode([]), encode(null)])
      expect(() => decodeState(bytes)).toThrow(expect.objectContaining({ code: 'state.undecodable' }))
    expect(() => decodeState(encode([99]))).toThrow(expect.objectContaining({ code: 'store.format' }))
  })
})

test('decode gives a copy of binary parts: the entry they came in may be thrown away', () => {
  const bytes = encode({ blob: new Uint8Array([1, 2, 3]) })
  const { blob } = decode(bytes) as { blob: Uint8Array }
  bytes.fill(0)
  expect([...blob]).toEqual([1, 2, 3])
})
