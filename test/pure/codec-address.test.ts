import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type Address,
  addressOf,
  childAddressOf,
  isAddress,
  isChild,
  keyOf,
  kindOf,
  parseAddress,
  rootOf,
  tokenOf,
} from '#protocol/address.ts'
import { partitionOf } from '#protocol/partition.ts'
import type { Realm } from '#protocol/realm.ts'
import { matches, parseStored, type Sender, subjects, typeToken } from '#protocol/subject.ts'
import { rounds } from '#test/support/rounds.ts'

const bytesOf = (text: string) => Buffer.byteLength(text)
const keys = fc.oneof(
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 }),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 60 }),
  fc.stringMatching(/^[A-Za-z0-9_~=./ *>-]{1,128}$/),
)
const wellFormedKeys = keys.filter((key) => key.isWellFormed() && bytesOf(key) <= 128)
const kinds = fc.stringMatching(/^[a-zA-Z][a-zA-Z0-9_-]{0,63}$/)
const addresses = fc.tuple(kinds, wellFormedKeys).map(([kind, key]) => addressOf(kind, key))
const family = fc
  .tuple(addresses, fc.array(fc.tuple(wellFormedKeys, fc.nat()), { maxLength: 3 }))
  .map(([root, line]) => line.reduce<Address>((parent, [id, spawn]) => childAddressOf(parent, id, spawn), root))
const types = fc.oneof(
  fc.constantFrom('PAY', 'order.paid', 'a..b', '.', '', 'ä b', '*', '>', '='),
  fc.string({ unit: 'grapheme', maxLength: 20 }),
)

describe('an address', () => {
  test('gives back kind and key, whatever valid text up to 128 bytes the key is', () => {
    fc.assert(
      fc.property(kinds, wellFormedKeys, (kind, key) => {
        const address = addressOf(kind, key)
        expect([kindOf(address), keyOf(address), isAddress(address), isChild(address)]).toEqual([
          kind,
          key,
          true,
          false,
        ])
        expect(parseAddress(address)).toBe(address)
        expect(parseAddress(`${kind}/${tokenOf(key)}`)).toBe(address)
      }),
      { numRuns: rounds(300, 2000) },
    )
  })

  test('of two keys differs when the keys differ', () => {
    fc.assert(
      fc.property(wellFormedKeys, wellFormedKeys, (a, b) => {
        expect(tokenOf(a) === tokenOf(b)).toBe(a === b)
      }),
    )
  })

  test('of a child is one subject token more of the same root, and shares its partition', () => {
    fc.assert(
      fc.property(family, fc.integer({ min: 1, max: 128 }), (address, partitions) => {
        expect(isAddress(address)).toBe(true)
        expect(address.slice(address.indexOf('/') + 1)).toMatch(/^[A-Za-z0-9_=~-]+$/)
        expect(isAddress(rootOf(address)) && !isChild(rootOf(address))).toBe(true)
        expect(keyOf(address)).toBe(keyOf(rootOf(address)))
        expect(partitionOf(address, partitions)).toBe(partitionOf(rootOf(address), partitions))
      }),
    )
  })

  test('refuses what is no key: empty, longer than 128 bytes, half of a surrogate pair', () => {
    const codes: [string, string][] = [
      ['', 'key.empty'],
      ['x'.repeat(129), 'key.tooLong'],
      ['ä'.repeat(65), 'key.tooLong'],
      ['a\ud800', 'key.notUtf8'],
    ]
    for (const [key, code] of codes) expect(() => tokenOf(key)).toThrow(expect.objectContaining({ code }))
    expect(tokenOf('ä'.repeat(64))).toHaveLength(64 * 6)
    expect(() => addressOf('1st', 'k')).toThrow(expect.objectContaining({ code: 'kind.invalid' }))
    expect(() => parseAddress('order')).toThrow(expect.objectContaining({ code: 'address.invalid' }))
  })

  test('belongs to the partition that the server computes: FNV-1a over both tokens', () => {
    const fnv = (text: string) =>
      [...Buffer.from(text)].reduce((hash, byte) => Math.imul(hash ^ byte, 0x01000193), 0x811c9dc5) >>> 0
    fc.assert(
      fc.property(addresses, fc.integer({ min: 1, max: 64 }), (address, partitions) => {
        expect(partitionOf(address, partitions)).toBe(fnv(address.replace('/', '')) % partitions)
      }),
    )
  })
})

describe('a subject', () => {
  const realm: Realm = { name: 'shop', generation: 0, partitions: 16 }
  const senders = fc.oneof(fc.nat(127), fc.constantFrom<Sender>('x', 'e', 'm', 'c'))

  test('parsed is what it was built of', () => {
    fc.assert(
      fc.property(family, fc.nat(127), senders, types, (address, partition, sender, type) => {
        expect(parseStored(subjects.in(realm, partition, sender, address))).toEqual({
          is: 'in',
          partition,
          sender,
          address,
        })
        expect(parseStored(subjects.commit(realm, partition))).toEqual({ is: 'commit', partition })
        expect(parseStored(subjects.parked(realm, partition, address))).toEqual({ is: 'parked', partition, address })
        expect(parseStored(subjects.emitted(realm, address, type))).toEqual({
          is: 'ev',
          address,
          type: typeToken(type),
        })
        expect(parseStored(subjects.reply(realm, 'c-1', 'id_2'))).toEqual({ is: 're', client: 'c-1', id: 'id_2' })
      }),
    )
  })

  test('holds only what NATS takes, and is found by the filters of its realm', () => {
    fc.assert(
      fc.property(family, senders, types, (address, sender, type) => {
        const all = [
          subjects.to(realm, address),
          subjects.in(realm, 3, sender, address),
          subjects.parked(realm, 3, address),
          subjects.emitted(realm, address, type),
        ]
        for (const subject of all) expect(subject).toMatch(/^[A-Za-z0-9_=~-]+(\.[A-Za-z0-9_=~-]+)*$/)
        expect(matches(subjects.mailbox(realm, 3), all[1] as string)).toBe(true)
        expect(matches(subjects.mailbox(realm, 4), all[1] as string)).toBe(false)
        expect(matches(subjects.sentBy(realm, 7), all[1] as string)).toBe(sender === 7)
        expect(matches('shop.to.*.*', all[0] as string)).toBe(true)
      }),
    )
  })

  test('of two event types differs when the types differ', () => {
    const wellFormed = types.filter((type) => type.isWellFormed())
    fc.assert(
      fc.property(wellFormed, wellFormed, (a, b) => {
        expect(typeToken(a) === typeToken(b)).toBe(a === b)
      }),
    )
  })

  test('of something else is refused', () => {
    expect(() => parseStored('shop.zz.1')).toThrow(expect.objectContaining({ code: 'subject.unknown' }))
  })
})
