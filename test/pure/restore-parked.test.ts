/** What was parked when a cut was taken is parked after its restore, to be looked at, mended and replayed. */
import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { decode } from '#protocol/codec.ts'
import type { FlightRow, SegmentRef } from '#protocol/cut.ts'
import type { Bundle } from '#protocol/bundle.ts'
import { cutShelfOf } from '#runtime/cuts/reading/cut-shelf.ts'
import { gatherParked } from '#runtime/cuts/taking/gather-parked.ts'
import { verifyCut } from '#runtime/cuts/reading/verify-cut.ts'
import { storedSource } from '#runtime/cuts/reading/cut-source.ts'
import { add, afterwards, counter, got } from '#test/support/restore-words.ts'
import { openRestoreRealm, type RestoreRealm } from '#test/support/restore-world.ts'

const send = async (world: RestoreRealm, key: string, bytes: Uint8Array): Promise<void> => {
  world.log.publish(`shop.to.counter.${key}`, bytes)
  await world.settle()
}

const nonsense = Buffer.from('no event')
const parked = (world: RestoreRealm) => world.during(world.realm.parked.list())

test.for([4, 7])('what was parked before the cut comes back, what was parked later does not, into %i', async (into) => {
  await using world = await openRestoreRealm([counter])
  await world.start()
  for (const key of ['a', 'b', 'c']) await send(world, key, nonsense)
  // So large that it is parked in more entries than one.
  const large = randomBytes(700_000)
  await send(world, 'large', large)
  // Somebody has dealt with this one.
  const [dealt] = (await parked(world)).filter(({ address }) => address === 'counter/c')
  await world.during(world.realm.parked.drop(dealt?.place ?? 0))
  const view = await world.take()
  await send(world, 'd', nonsense)
  await world.restore(view, { partitions: into })
  await afterwards(world)
  const list = await parked(world)
  expect(list.map(({ address }) => address).toSorted()).toEqual(['counter/a', 'counter/b', 'counter/large'])
  const place = list.find(({ address }) => address === 'counter/large')?.place ?? 0
  expect((await world.during(world.realm.parked.get(place))).raw?.length).toBe(large.length)
  // It is mended and replayed where its actor lives now.
  const first = list.find(({ address }) => address === 'counter/a')?.place ?? 0
  await world.during(world.realm.parked.replay(first, { type: 'ADD', word: 'mended' }))
  await world.settle()
  expect(await got(world, 'a')).toEqual(['mended'])
  expect((await parked(world)).map(({ address }) => address).toSorted()).toEqual(['counter/b', 'counter/large'])
  // And it is in the next cut.
  const next = await world.take('next')
  expect((await Array.fromAsync(next.parked())).length).toBeGreaterThan(2)
})

test('a cut that holds what was parked is not whole without it', async () => {
  await using world = await openRestoreRealm([counter])
  await world.start()
  await send(world, 'a', nonsense)
  const { manifest } = await world.take()
  const bus = world.log.connect()
  const verify = () =>
    verifyCut({ source: storedSource(bus.cuts), archive: world.archive }, { cut: manifest.id, realm: 'shop' })
  expect((await verify()).flawed).toBe(0)
  await bus.cuts.remove(`segment.${manifest.parked?.[0]?.id}`)
  expect((await verify()).flaws.map(({ fault }) => fault.code)).toEqual(['cut.missing'])
})

test('what lies parked for long is stored once, and shared by the cuts that come', async () => {
  await using world = await openRestoreRealm([counter])
  await world.start()
  const idsOf = async (name: string) => {
    const { manifest } = await world.take(name)
    const rows = (await Array.fromAsync((await world.viewOf(manifest.id)).parked())).map(([position]) => position)
    expect(rows).toEqual(rows.toSorted((a, b) => a - b))
    return { ids: (manifest.parked ?? []).map(({ id }) => id), rows: rows.length }
  }
  for (let at = 0; at < 20; at++) await send(world, `p${at}`, randomBytes(30_000))
  const first = await idsOf('first')
  expect([first.ids.length, first.rows]).toEqual([3, 20])
  await add(world, 'a', 'one')
  expect(await idsOf('second')).toEqual(first)
  // What comes later lies behind; what is dropped changes the segment that it was in, also at its end, and no other.
  await send(world, 'later', nonsense)
  const dropped = (await parked(world)).filter(({ address }) => ['counter/p0', 'counter/p17'].includes(address))
  for (const { place } of dropped) await world.during(world.realm.parked.drop(place))
  const third = await idsOf('third')
  expect(third.rows).toBe(19)
  expect(third.ids.filter((id) => first.ids.includes(id))).toEqual(first.ids.slice(2))
  // Small ones do not become many.
  for (let at = 0; at < 3; at++) {
    await send(world, `small${at}`, nonsense)
    await idsOf(`small${at}`)
  }
  expect((await idsOf('last')).ids).toHaveLength(4)
})

test('what is parked behind the recorded state of its partition is after the cut', async () => {
  await using world = await openRestoreRealm([counter], 1)
  await world.start()
  for (const key of ['a', 'b']) await send(world, key, nonsense)
  const [, later] = await parked(world)
  const bus = world.log.connect()
  const shelf = cutShelfOf({ bus, archive: world.archive })
  const recorded = { partition: 0, marker: 0, commit: later?.place ?? 0, cursor: 0, marks: {}, unheard: [] }
  const kept: FlightRow[] = []
  const keep = async (bundle: Bundle): Promise<SegmentRef> => {
    kept.push(...(decode(bundle.plain) as FlightRow[]))
    return { ...bundle, id: 'one', bytes: 1 }
  }
  await gatherParked({ bus, shelf }, [recorded], { keep, signal: new AbortController().signal })
  expect(kept.map(([, subject]) => subject)).toEqual(['shop.parked.0.counter.a'])
})
