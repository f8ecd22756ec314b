/** What is left out when a cut is looked at for who waits: never one who may, nor what hides another. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Address } from '#protocol/address.ts'
import { encode } from '#protocol/codec.ts'
import type { SegmentRef } from '#protocol/cut.ts'
import { mayNameChild } from '#protocol/quiet-rows.ts'
import { notQuiet, ofKind, wantedOf } from '#runtime/cuts/reading/wanted-segments.ts'
import { packRows } from '#store/row-packer.ts'
import type { Needs } from '#store/store.ts'

const noise = fc.uint8Array({ maxLength: 40 })
const keyChar = fc.constantFrom('a', 'b', 'z', 'A', 'Z', '0', '9', '_', '-', '~', '=')
const child = fc
  .tuple(fc.string({ unit: keyChar, minLength: 1, maxLength: 20 }), fc.string({ unit: keyChar, maxLength: 9 }))
  .map(([key, rest]) => `order/${key}~${rest}`)

describe('bytes in which a child may be named', () => {
  it('are all in which one is, wherever it stands', () => {
    fc.assert(
      fc.property(noise, child, noise, (before, address, after) => {
        expect(mayNameChild(Buffer.concat([before, Buffer.from(address), after]))).toBe(true)
      }),
    )
  })

  it.for(['', 'order/42', 'about ~5 of a/b', 'a~b~c~d', '/ ~', 'x'.repeat(500)])('are not: %s', (text) => {
    expect(mayNameChild(Buffer.from(text))).toBe(false)
  })
})

function quietOf(address: string, state: Uint8Array | undefined, needs: Needs): boolean | undefined {
  const packer = packRows()
  packer.add(Buffer.from('order/1'), encode({ total: 5 }), {})
  packer.add(Buffer.from(address), state, needs)
  return packer.take()?.quiet
}

describe('a bundle', () => {
  it('is quiet where nobody is kept awake and nobody has a child or is one', () => {
    expect(quietOf('order/2', encode({ text: 'order/2' }), {})).toBe(true)
    expect(quietOf('order/2', undefined, {})).toBe(true)
  })

  it.for([{ due: 5 }, { due: 0 }, { effects: true }, { subscribed: true }] as Needs[])('is not, with %j', (needs) => {
    expect(quietOf('order/2', encode({}), needs)).toBe(false)
  })

  it('is not, with a child in it or named in it', () => {
    expect(quietOf('order/2~pay~1', encode({}), {})).toBe(false)
    expect(quietOf('order/2', encode({ children: ['order/2~pay~1'] }), {})).toBe(false)
  })

  it('is looked at by itself: what was in the one before is forgotten', () => {
    const packer = packRows()
    packer.add(Buffer.from('order/1'), encode({}), { due: 5 })
    expect(packer.take()?.quiet).toBe(false)
    packer.add(Buffer.from('order/2'), encode({}), {})
    expect(packer.take()?.quiet).toBe(true)
  })
})

type Row = { readonly address: Address; readonly layer: number; readonly isLoud: boolean }
type Segment = { readonly ref: SegmentRef; readonly rows: readonly Row[] }

/** Rows of one layer in segments of one to three. */
function segmentsOf(rows: readonly Row[], sizes: readonly number[]): readonly Segment[] {
  const segments: Segment[] = []
  for (let at = 0, nth = 0; at < rows.length; nth++) {
    const some = rows.slice(at, (at += sizes[nth % sizes.length] as number))
    const quiet = some.every(({ isLoud }) => !isLoud)
    const [first, last] = [some[0], some.at(-1)] as [Row, Row]
    const ref = { id: `${first.layer}.${nth}`, bytes: 1, rows: some.length, first: first.address, last: last.address }
    segments.push({ ref: quiet ? { ...ref, quiet } : ref, rows: some })
  }
  return segments
}

/** What the newest layer says of each. */
function seenIn(layers: readonly (readonly Segment[])[]): ReadonlyMap<Address, Row> {
  return new Map(
    layers.toReversed().flatMap((layer) => layer.flatMap(({ rows }) => rows.map((row) => [row.address, row]))),
  )
}

const layersAny = fc
  .array(
    fc.tuple(
      fc.uniqueArray(fc.tuple(fc.constantFrom('a', 'b', 'ba'), fc.integer({ min: 0, max: 9 }), fc.boolean()), {
        selector: ([kind, key]) => `${kind}/${key}`,
        maxLength: 12,
      }),
      fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 4 }),
    ),
    { minLength: 1, maxLength: 4 },
  )
  .map((layers) =>
    layers.map(([rows, sizes], layer) =>
      segmentsOf(
        rows
          .map(([kind, key, isLoud]): Row => ({ address: `${kind}/${key}`, layer, isLoud }))
          .toSorted((a, b) => (a.address < b.address ? -1 : 1)),
        sizes,
      ),
    ),
  )

function read(layers: readonly (readonly Segment[])[], isWanted: (ref: SegmentRef) => boolean) {
  const kept = wantedOf(
    layers.map((layer) => layer.map(({ ref }) => ref)),
    isWanted,
  )
  return seenIn(kept.map((layer, at) => (layers[at] ?? []).filter(({ ref }) => layer.includes(ref))))
}

describe('of layers only what is wanted', () => {
  it('gives everybody who may wait, and of nobody what is hidden', () => {
    fc.assert(
      fc.property(layersAny, (layers) => {
        const all = seenIn(layers)
        const seen = read(layers, notQuiet)
        for (const row of all.values()) if (row.isLoud) expect(seen.get(row.address)).toBe(row)
        for (const row of seen.values()) if (row.isLoud) expect(all.get(row.address)).toBe(row)
      }),
    )
  })

  it('gives all of a kind, and of nobody in it what is hidden', () => {
    fc.assert(
      fc.property(layersAny, fc.constantFrom('a', 'b', 'ba', 'c'), (layers, kind) => {
        const of = (seen: ReadonlyMap<Address, Row>) =>
          [...seen.values()].filter(({ address }) => address.startsWith(`${kind}/`))
        expect(new Set(of(read(layers, ofKind(kind))))).toEqual(new Set(of(seenIn(layers))))
      }),
    )
  })

  it('leaves out what nobody asked for', () => {
    const quiet = { id: 'q', bytes: 1, rows: 1, first: 'a/1', last: 'a/5', quiet: true }
    const loud = { id: 'l', bytes: 1, rows: 1, first: 'a/6', last: 'a/9' }
    const above = { ...quiet, id: 'above', first: 'a/7', last: 'a/8' }
    expect(wantedOf([[quiet, loud]], notQuiet)).toEqual([[loud]])
    expect(wantedOf([[quiet], [loud]], notQuiet)).toEqual([[], [loud]])
    expect(wantedOf([[quiet, above], [loud]], notQuiet)).toEqual([[above], [loud]])
    expect(wantedOf([[quiet, loud]], ofKind('b'))).toEqual([[]])
  })
})
