/** What contexts and events are made of: everything the codec promises to bring back, without cycles. */
import fc from 'fast-check'
import { addressOf } from '#protocol/address.ts'
import { Ref } from '#protocol/codec.ts'

const wellFormed = fc.string({ unit: 'grapheme-composite', maxLength: 12 })
const longText = fc.string({ unit: 'grapheme', minLength: 20, maxLength: 60 })
/** `__proto__` is renamed by the codec, on purpose. */
const names = fc
  .oneof(fc.constantFrom('a', 'b', 'c', 'id', 'content', '1', '2', '10', 'constructor', 'length'), wellFormed)
  .filter((name) => name !== '__proto__')

const plain = fc.oneof(
  fc.constantFrom(
    null,
    undefined,
    true,
    false,
    0,
    1,
    -1,
    2 ** 31,
    2 ** 53 - 1,
    -(2 ** 40),
    0.1,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    '',
  ),
  fc.integer(),
  fc.double().map((value) => (Object.is(value, -0) ? 0 : value)),
  wellFormed,
  longText,
  fc.bigInt(),
  fc.bigInt({ min: -(2n ** 140n), max: 2n ** 140n }),
)

const special = fc.oneof(
  fc.date({ noInvalidDate: false }),
  fc.uint8Array({ maxLength: 20 }),
  fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
  fc.float32Array({ maxLength: 4 }),
  fc.float64Array({ maxLength: 4 }),
  fc.bigInt64Array({ maxLength: 3 }),
  fc.constantFrom(/a+/gi, /\//),
  fc.tuple(fc.constantFrom(Error, TypeError, RangeError), wellFormed).map(([Class, text]) => new Class(text)),
  fc
    .tuple(
      wellFormed.filter((text) => text !== ''),
      fc.option(fc.constant('sys'), { nil: undefined }),
    )
    .map(([key, systemId]) => new Ref(addressOf('order', key), 'child', systemId)),
)

const { tree } = fc.letrec<{
  tree: unknown
  list: unknown[]
  record: Record<string, unknown>
  map: Map<unknown, unknown>
  set: Set<unknown>
}>((tie) => ({
  tree: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    plain,
    special,
    tie('record'),
    tie('list'),
    tie('map'),
    tie('set'),
  ),
  list: fc.array(tie('tree'), { maxLength: 6 }),
  record: fc.array(fc.tuple(names, tie('tree')), { maxLength: 6 }).map((entries) => Object.fromEntries(entries)),
  map: fc
    .array(fc.tuple(fc.oneof(plain, tie('record')), tie('tree')), { maxLength: 4 })
    .map((entries) => new Map(entries)),
  set: fc.array(fc.oneof(plain, tie('record')), { maxLength: 4 }).map((items) => new Set(items)),
}))

export const anyValue: fc.Arbitrary<unknown> = tree
export const anyText: fc.Arbitrary<string> = fc.oneof(wellFormed, longText)
