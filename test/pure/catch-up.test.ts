import { expect, test } from 'vitest'
import type { Address } from '#protocol/address.ts'
import { openStateWriter } from '#protocol/delta.ts'
import { type Change, encodeRecord } from '#protocol/record.ts'
import { stateArrayOf } from '#protocol/state.ts'
import { subjects } from '#protocol/subject.ts'
import { catchUp } from '#runtime/partition/catch-up.ts'
import { systemClock } from '#runtime/clock.ts'
import { openMemoryLog } from '#runtime/memory/memory-bus.ts'
import { openTestStore } from '#test/support/engine.ts'

const textOf = (count: number): string[] =>
  Array.from({ length: count }, (_, at) => `line ${at} of a context that is stored as differences`)

function stateWith(count: number): unknown[] {
  const snapshot = {
    status: 'active',
    value: 'on',
    context: { text: textOf(count) },
    history: undefined,
    output: undefined,
    error: undefined,
  } as const
  return stateArrayOf({ version: 1, hash: 'h', snapshot, book: {}, visits: 0, steps: count, bornAt: 0, steppedAt: 0 })
}

test('a state whose base came while an earlier part was being folded is put together from it', async () => {
  const log = openMemoryLog({ realm: 'shop', partitions: 1, clock: systemClock })
  const bus = log.connect()
  let n = 0
  let seq = 0
  const commit = async (change: Change): Promise<void> => {
    const head = {
      generation: 0,
      partition: 0,
      epoch: 1,
      n: ++n,
      previous: seq,
      cursor: 0,
      heard: 0,
      at: 0,
      awayMs: 0,
      openedAt: 0,
    }
    const record = encodeRecord({ is: 'commit', ...head, changes: [change], marks: [], clients: [], steps: [] })
    seq = (await bus.append({ subject: subjects.commit(bus.realm, 0), data: record })).seq
  }
  const small = openStateWriter()
  const filler = async (count: number): Promise<void> => {
    for (let at = 0; at < count; at++) {
      const written = small.write(stateWith(0).with(7, n))
      if (written.is === 'full') await commit({ address: 'n/small', is: 'full', state: written.bytes })
    }
  }
  // One part holds 2,000 records: the base is the first of the second, its difference comes much later.
  await filler(2000)
  const large = openStateWriter()
  const address: Address = 'n/large'
  const full = large.write(stateWith(100))
  if (full.is === 'full') await commit({ address, is: 'full', state: full.bytes })
  await filler(1500)
  const delta = large.write(stateWith(101))
  expect(delta.is).toBe('delta')
  if (delta.is === 'delta') await commit({ address, is: 'delta', delta: delta.bytes })

  const store = await openTestStore(bus)
  await catchUp({ bus, store, clock: systemClock, kinds: new Map() }, new Set([0]), {
    through: seq,
    clientKeepMs: 1000,
    clientsMost: 100,
    mendKeepMs: 0,
  })
  expect(store.partition(0)).toMatchObject({ n, seq })
  expect(store.read(address)?.[5]).toEqual({ text: textOf(101) })
})
