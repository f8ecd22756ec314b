/** Rows that are written by hand are those that the codec would have written, whatever their sizes. */
import { expect, test } from 'vitest'
import { type Address, kindOf } from '#protocol/address.ts'
import { bundleBytes, bundleRows } from '#protocol/bundle.ts'
import { decode, encodeTree } from '#protocol/codec.ts'
import type { StateRow } from '#protocol/cut.ts'
import { countOf } from '#store/counting.ts'
import { packRows } from '#store/row-packer.ts'
import { stateRowOf } from '#store/state-rows.ts'
import type { Needs } from '#store/store.ts'
import { randomOf } from '#test/support/workloads/random.ts'

type Row = { readonly address: Address; readonly state: Uint8Array | undefined; readonly needs: Needs }

const needs: readonly Needs[] = [
  {},
  { due: 0 },
  { due: 1_763_000_000_123 },
  { due: 5.5, effects: true },
  { effects: true },
  { subscribed: true },
  { due: 7, effects: true, subscribed: true },
]

function bytesOf(length: number): Uint8Array {
  return Buffer.alloc(length, length)
}

const packedOf = (row: Row): StateRow => stateRowOf(row.address, row.state, row.needs)

function added(rows: readonly Row[]) {
  const packer = packRows()
  for (const { address, state, needs: need } of rows) packer.add(Buffer.from(address, 'latin1'), state, need)
  return packer
}

test('what is decoded is what was added, around each size at which the writing changes', () => {
  const lengths = [0, 1, 31, 32, 255, 256, 1_000, 65_535, 65_536]
  const keys = [1, 25, 26, 27, 200, 249, 250, 251, 400]
  const rows = lengths.flatMap((length, at) =>
    needs
      .slice(0, length < 1_000 ? needs.length : 1)
      .map((need): Row => ({ address: `order/${'k'.repeat(keys[at] ?? 1)}`, state: bytesOf(length), needs: need })),
  )
  rows.push({ address: 'order/gone', state: undefined, needs: {} })
  const bundle = added(rows).take()
  expect(bundle).toMatchObject({ rows: rows.length, first: rows[0]?.address, last: 'order/gone' })
  expect(decode(bundle?.plain ?? new Uint8Array())).toEqual(rows.map(packedOf))
  expect(decode(bundle?.plain ?? new Uint8Array())).toEqual(decode(encodeTree(rows.map(packedOf))))
})

test('it is full at a number of bytes or of rows, and empty after it was taken', () => {
  const packer = packRows()
  expect(packer.take()).toBeUndefined()
  const one = Buffer.from('order/1')
  for (let row = 1; row < bundleRows; row++) packer.add(one, bytesOf(1), {})
  expect(packer.isFull()).toBe(false)
  packer.add(one, undefined, {})
  expect(packer.isFull()).toBe(true)
  expect(packer.take()?.rows).toBe(bundleRows)
  expect([packer.isFull(), packer.take()]).toEqual([false, undefined])
  packer.add(one, bytesOf(bundleBytes), {})
  expect(packer.isFull()).toBe(true)
  expect(decode(packer.take()?.plain ?? new Uint8Array())).toEqual([['order/1', bytesOf(bundleBytes)]])
})

test('what goes by is counted by kind, also where one kind begins like another', () => {
  const random = randomOf(7)
  const kinds = ['order', 'order-line', 'orders', 'a', 'z']
  const rows = Array.from({ length: 500 }, (): Row => {
    const address: Address = `${random.pick(kinds)}/${random.int(0, 50)}`
    return { address, state: bytesOf(1), needs: random.pick(needs) }
  })
  for (const each of [rows, rows.toSorted((a, b) => (a.address < b.address ? -1 : 1))]) {
    const counting = countOf()
    for (const { address, needs: need } of each) {
      counting.count(Buffer.from(address))
      counting.need(need)
    }
    const { kinds: counted, ...others } = counting.sum()
    for (const kind of kinds)
      expect([kind, counted[kind]]).toEqual([kind, each.filter((row) => kindOf(row.address) === kind).length])
    expect(others).toEqual({
      timers: each.filter((row) => row.needs.due !== undefined).length,
      effects: each.filter((row) => row.needs.effects === true).length,
      subscribed: each.filter((row) => row.needs.subscribed === true).length,
    })
  }
})
