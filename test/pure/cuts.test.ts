/** Cuts while the realm runs: of one instant, whole or not at all, and in nobody's way. */
import { expect, test } from 'vitest'
import { decodeState } from '#protocol/state.ts'
import { sumsOf } from '#runtime/cuts/reading/cut-sums.ts'
import { openCutRealm } from '#test/support/cuts/cut-realm.ts'
import { slowMailboxes } from '#test/support/cuts/plants.ts'
import type { Wallet } from '#test/support/cuts/wallet.ts'
import { rounds } from '#test/support/rounds.ts'
import { randomOf } from '#test/support/workloads/random.ts'

const stepsOf = (bytes: Uint8Array | null | undefined): Wallet['clock'] =>
  bytes === null || bytes === undefined ? {} : (decodeState(bytes).snapshot.context as Wallet).clock

test('a cut holds the states of one instant, and what comes later is not in it', async () => {
  using realm = openCutRealm()
  const [a] = await realm.join('a')
  const paying = realm.pay(40)
  await realm.clock.advance(2000)
  const { id } = await realm.within(realm.take(a!))
  const seen = await realm.develop(id)
  await realm.within(paying)
  await realm.clock.advance(5000)
  const later = await realm.within(realm.take(a!))
  const [first, second] = [seen, await realm.develop(later.id)].map(({ states }) =>
    states.reduce((sum, [, state]) => sum + Object.values(stepsOf(state)).reduce((a, b) => a + b, 0), 0),
  )
  expect(first).toBeGreaterThan(0)
  expect(second).toBeGreaterThan(first as number)
  const shown = (cut: typeof seen): unknown[] => cut.states.map(([address, state]) => [address, stepsOf(state)])
  expect(shown(await realm.develop(id))).toEqual(shown(seen))
  expect(await realm.faults()).toEqual([])
})

test('a realm that is empty can be photographed, too', async () => {
  using realm = openCutRealm()
  const [a] = await realm.join('a')
  const { manifest } = await realm.within(realm.take(a!))
  expect(manifest?.slices.map(({ actors }) => actors)).toEqual([0, 0, 0, 0])
  expect(await realm.faults()).toEqual([])
})

test('the next cut stores only what changed since the last one, and shares the rest', async () => {
  using realm = openCutRealm({ partitions: 1, count: 60 })
  const [a] = await realm.join('a')
  await realm.within(realm.pay(120))
  await realm.clock.advance(10_000)
  const first = await realm.within(realm.take(a!))
  await realm.within(realm.pay(1))
  await realm.clock.advance(10_000)
  const second = await realm.within(realm.take(a!))
  const third = await realm.within(realm.take(a!))
  const [one, two, three] = await Promise.all([first, second, third].map(({ id }) => realm.develop(id)))
  // The first shares nothing: it is as large as what it added, positions of sessions included.
  expect(first.manifest && sumsOf(first.manifest).bytes).toBe(first.manifest?.added)
  expect(second.manifest?.added).toBeLessThan((first.manifest?.added ?? 0) / 4)
  expect(two?.slices[0]?.layers.slice(1)).toEqual(one?.slices[0]?.layers)
  expect(two?.slices[0]?.layers[0]?.reduce((sum, { rows }) => sum + rows, 0)).toBeLessThan(10)
  // Nothing happened in between: no segment at all is new.
  expect(three?.slices[0]?.layers).toEqual(two?.slices[0]?.layers)
  expect(third.manifest?.added).toBe(0)
  expect(await realm.faults()).toEqual([])
})

test('cuts overlap: each is whole, whoever takes it [N22]', async () => {
  using realm = openCutRealm()
  const [a, b] = await realm.join('a', 'b')
  const paying = realm.pay(60)
  await realm.clock.advance(500)
  const takings = [realm.take(a!), realm.take(b!)]
  await realm.clock.advance(1)
  takings.push(realm.take(a!))
  await realm.clock.advance(2)
  takings.push(realm.take(b!))
  const ended = await realm.within(Promise.all(takings))
  await realm.within(paying)
  expect(ended.map(({ manifest }) => manifest === undefined)).toEqual([false, false, false, false])
  expect(await realm.faults()).toEqual([])
})

test('a long mailbox does not hold a cut up: what lies in it is in flight', async () => {
  using realm = openCutRealm({ partitions: 2 })
  const [a] = await realm.join('a')
  await realm.within(realm.pay(10))
  const slow = { queueMost: 4, stagedMost: 1, foldMs: 5 }
  a?.crash()
  const paying = realm.pay(200)
  await realm.clock.advance(2000)
  const b = realm.launch('a', { options: slow })
  await realm.clock.advanceUntil(() => (b.node?.partitions.length ?? 0) === 2, 60_000)
  const { manifest } = await realm.within(realm.take(b))
  expect(manifest?.channels.length).toBeGreaterThan(0)
  await realm.within(paying)
  expect(await realm.faults()).toEqual([])
})

test('what is emitted does not overtake a cut on its way to somebody whose mailbox is behind', async () => {
  using realm = openCutRealm({ partitions: 6, count: 8 })
  const [a] = [realm.launch('a'), realm.launch('b', { mutation: slowMailboxes(randomOf(1)) })]
  await realm.clock.advance(3000)
  const paying = realm.pay(200)
  for (let round = 0; round < 12; round++) {
    await realm.clock.advance(700)
    expect((await realm.within(realm.take(a))).error).toBeUndefined()
  }
  await realm.within(paying)
  expect(await realm.faults()).toEqual([])
})

test('who begins to listen while a cut is on its way is told of it before it hears anything', async () => {
  for (let seed = 1; seed <= rounds(3, 60); seed++) {
    using realm = openCutRealm({ partitions: 6, count: 8, seed })
    const a = realm.launch('a')
    realm.launch('b', { mutation: slowMailboxes(randomOf(1)) })
    await realm.clock.advance(3000)
    const paying = realm.pay(40)
    const takings: Promise<unknown>[] = []
    for (let round = 0; round < 12; round++) {
      await realm.clock.advance(35)
      takings.push(realm.take(a))
    }
    await realm.within(Promise.all([paying, ...takings]))
    expect(await realm.faults(), `seed ${seed}`).toEqual([])
  }
})
