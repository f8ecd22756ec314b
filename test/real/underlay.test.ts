/** A partition that was restored and is not unpacked yet: nobody can tell it from one that is, at any instant on the way. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type Address, kindOf } from '#protocol/address.ts'
import { bundleOf } from '#protocol/bundle.ts'
import { decode, encode } from '#protocol/codec.ts'
import { advance, shadowOf } from '#protocol/delta.ts'
import { openBaseReader } from '#store/base-blob.ts'
import { openLmdbStore } from '#store/lmdb-store.ts'
import { sealedBaseOf } from '#store/sealed-base.ts'
import type { FoldedChange, HistoryLine, Needs, Slice, Store } from '#store/store.ts'
import { rowsOfSlice } from '#test/support/slice-rows.ts'
import { type Known, sealedBaseWith, sealing } from '#test/support/sealed-layers.ts'
import { addressesIn, full, identity, lineOf, positionOf, stateOf } from '#test/support/store-samples.ts'
import { type Random, randomOf } from '#test/support/workloads/random.ts'

const partition = 1
const { unsealed: unseal } = sealing
/** Some are in no layer. */
const addresses = [...addressesIn(partition, 120), ...addressesIn(partition, 60, 'box')].sort()

type One = { readonly steps: number; readonly needs: Needs }
type Model = Map<Address, One>

async function inDir(body: (open: () => Promise<Store>) => Promise<void>): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'perdure-underlay-'))
  try {
    await body(() => openLmdbStore({ dir, identity, mapBytes: 2 ** 28, unseal }))
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

function randomNeeds(random: Random): Needs {
  return {
    ...(random.chance(0.3) ? { due: random.int(1, 1e6) } : {}),
    ...(random.chance(0.1) ? { effects: true } : {}),
    ...(random.chance(0.1) ? { subscribed: true } : {}),
  }
}

function randomLayers(random: Random): { readonly layers: readonly Known[]; readonly model: Model } {
  const model: Model = new Map()
  const layers = Array.from({ length: random.int(1, 3) }, (_, above) => {
    const share = above === 0 ? 0.8 : 0.2
    const known = addresses
      .filter(() => random.chance(share))
      .map((address): [Address, One | undefined] => {
        const isGone = above > 0 && random.chance(0.4)
        return [address, isGone ? undefined : { steps: random.int(1, 1000), needs: randomNeeds(random) }]
      })
    for (const [address, one] of known)
      if (one === undefined) model.delete(address)
      else model.set(address, one)
    return new Map(known)
  })
  return { layers: layers.toReversed(), model }
}

const inOrder = (model: Model): Address[] => [...model.keys()].sort()

/** Everything that a store says of a partition. */
function seenIn(store: Store): unknown {
  return {
    states: addresses.flatMap((address) => {
      const state = store.read(address)
      return state === undefined ? [] : [[address, state[7]]]
    }),
    addresses: [...store.addresses({ partition })],
    needs: [...store.needs(partition)],
    count: store.count(),
  }
}

function expectedOf(model: Model): unknown {
  const isNeedy = ({ due, effects, subscribed }: Needs): boolean => due !== undefined || !!effects || !!subscribed
  return {
    states: inOrder(model).map((address) => [address, model.get(address)!.steps]),
    addresses: inOrder(model),
    needs: inOrder(model).flatMap((address) => {
      const { needs } = model.get(address)!
      return isNeedy(needs) ? [[address, needs]] : []
    }),
    count: model.size,
  }
}

const rowsOf = (model: Model): unknown => inOrder(model).map((address) => [address, model.get(address)])

async function rowsIn(slice: Slice): Promise<unknown> {
  const rows: unknown[] = []
  for await (const portion of rowsOfSlice(slice))
    for (const { address, state, needs } of portion)
      rows.push([address, { steps: (decode(state!) as unknown[])[7], needs }])
  return rows
}

async function rowsOfBase(bytes: Uint8Array): Promise<unknown> {
  const actors = (await Array.fromAsync((await openBaseReader(bytes, identity)).frames())).flat()
  return actors.map(([address, state, needs]) => [address, { steps: (decode(state) as unknown[])[7], needs }])
}

/** One change of one actor, in the store's words and in the model. */
function randomChange(random: Random, model: Model, address: Address): FoldedChange {
  const before = model.get(address)
  const needs = randomNeeds(random)
  if (before !== undefined && random.chance(0.3)) {
    model.delete(address)
    return { address, is: 'gone' }
  }
  const steps = (before?.steps ?? 0) + 1
  model.set(address, { steps, needs })
  if (before === undefined || random.chance(0.5)) return { ...full(address, steps), needs } as FoldedChange
  const delta = advance(shadowOf(stateOf(before.steps)), stateOf(steps)) as Uint8Array
  return { address, is: 'deltas', deltas: [delta], needs }
}

test.each([1, 2, 3, 4, 5, 6, 7, 8])(
  'a partition under which a cut lies is what its states would be as rows, whatever is done to it while it is filled in, closed and opened (seed %i)',
  (seed) =>
    inDir(async (open) => {
      const random = randomOf(seed)
      const { layers, model } = randomLayers(random)
      let store = await open()
      await store.loadBase(await sealedBaseWith(layers, { partition, rowsMost: random.int(3, 20), identity }))
      expect(seenIn(store)).toEqual(expectedOf(model))
      let n = 10
      let hasLeft = true
      const slices: { readonly slice: Slice; readonly rows: unknown }[] = []
      for (let round = 0; round < 60 || hasLeft; round++) {
        const dice = random.next()
        if (dice < 0.4) {
          n++
          const changed = [...new Set(Array.from({ length: random.int(1, 4) }, () => random.pick(addresses)))]
          const changes = changed.map((address) => randomChange(random, model, address))
          const history = random.chance(0.7) ? changed.map((address): HistoryLine => lineOf(address, n)) : []
          await store.fold([{ partition: positionOf(partition, n), changes, history }])
        } else if (dice < 0.7) {
          hasLeft = await store.fill(partition, random.int(1, 12))
          // Of one that is not through it is refused to forget anything.
          if (hasLeft && random.chance(0.1)) await store.endUnderlay(partition)
        } else if (dice < 0.75) await store.trimHistory(partition, n * 10 - random.int(0, 50))
        else if (dice < 0.8) slices.push({ slice: store.slice(partition), rows: rowsOf(model) })
        else if (dice < 0.85) expect(await rowsOfBase(await store.base(partition))).toEqual(rowsOf(model))
        else if (dice < 0.9) {
          const [after, kind] = [random.pick(addresses), random.pick(['order', 'box'])]
          const all = inOrder(model).filter((one) => one > after && kindOf(one) === kind)
          expect([...store.addresses({ partition, kind, after, limit: 5 })]).toEqual(all.slice(0, 5))
        } else if (dice < 0.95) {
          for (const { slice, rows } of slices.splice(0)) {
            expect(await rowsIn(slice)).toEqual(rows)
            slice.close()
          }
          await store.close()
          store = await open()
        }
        expect(seenIn(store)).toEqual(expectedOf(model))
      }
      for (const { slice, rows } of slices) {
        expect(await rowsIn(slice)).toEqual(rows)
        slice.close()
      }
      expect([...store.underlays()]).toEqual([[partition, 0]])
      await store.endUnderlay(partition)
      expect([...store.underlays()]).toEqual([])
      expect(seenIn(store)).toEqual(expectedOf(model))
      await store.close()
    }),
)

test('a restored partition that was taken again, or dropped, shows nothing of what lay under it before', () =>
  inDir(async (open) => {
    const store = await open()
    const [a, b] = addresses as [Address, Address]
    const base = (of: Address, steps: number): Promise<Uint8Array> =>
      sealedBaseWith([new Map([[of, { steps, needs: { due: 5 } }]])], { partition, rowsMost: 1, identity })
    await store.loadBase(await base(a, 1))
    expect(store.read(a)?.[7]).toBe(1)
    await store.loadBase(await base(a, 2))
    expect(store.read(a)?.[7]).toBe(2)
    await store.loadBase(await base(b, 3))
    expect([store.read(a), store.read(b)?.[7], [...store.addresses({ partition })]]).toEqual([undefined, 3, [b]])
    await store.dropPartition(partition)
    expect([store.count(), store.read(b), [...store.needs(partition)], [...store.underlays()]]).toEqual([
      0,
      undefined,
      [],
      [],
    ])
    await store.close()
  }))

test('a large state that lay under the rows becomes one in parts, and what differs from it is put together', () =>
  inDir(async (open) => {
    const [address] = addresses as [Address]
    const text = 'word '.repeat(5000)
    const large = encode(stateOf(1, { text }))
    const rows = [[address, large, null, 0]]
    const { ref, bytes } = await sealing.pack(bundleOf(rows, { first: address, last: address }))
    const header = { identity, partition: positionOf(partition, 10), clients: [] }
    const store = await open()
    await store.loadBase(
      await sealedBaseOf(header, [[ref]], { bytesOf: () => Promise.resolve(bytes), isShared: false }),
    )
    const delta = advance(shadowOf(stateOf(1, { text })), stateOf(2, { text: `${text}!` })) as Uint8Array
    const changes: FoldedChange[] = [{ address, is: 'deltas', deltas: [delta], needs: {} }]
    await store.fold([{ partition: positionOf(partition, 11), changes, history: [lineOf(address, 11)] }])
    while (await store.fill(partition, 10));
    expect(store.read(address)).toEqual(decode(encode(stateOf(2, { text: `${text}!` }))))
    await store.close()
  }))

test('without the key that it is sealed with a base is not loaded, and the fault names the key', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'perdure-underlay-'))
  try {
    const store = await openLmdbStore({ dir, identity, mapBytes: 2 ** 26 })
    const base = await sealedBaseWith([new Map([[addresses[0]!, { steps: 1, needs: {} }]])], {
      ...{ partition, rowsMost: 1, identity },
    })
    await expect(store.loadBase(base)).rejects.toMatchObject({
      code: 'base.sealed',
      details: { partition, value: sealing.keyName },
    })
    expect(store.partition(partition)).toBeUndefined()
    await store.close()
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
})
