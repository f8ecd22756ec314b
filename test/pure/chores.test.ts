/** What becomes of the realm's own cuts: now and then one is drilled, and each lies in a second place, too. */
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { systemClock } from '#runtime/clock.ts'
import { choresOf, readCopy, readDrills } from '#runtime/cuts/keeping/chores.ts'
import { openCutFile } from '#runtime/cuts/reading/cut-file.ts'
import { removeCut } from '#runtime/cuts/keeping/remove-cut.ts'
import { bySchedule } from '#runtime/cuts/keeping/retention.ts'
import { openMemoryLog } from '#runtime/memory/memory-bus.ts'
import { onTrace, type Trace } from '#runtime/trace.ts'
import { openMemoryArchive } from '#store/memory-archive.ts'
import { keepCut, makerOf } from '#test/support/hand-made-cuts.ts'
import { openTempDir } from '#test/support/temp-dir.ts'

const day = 86_400_000

function openWorld(options: { readonly drillEveryMs?: number; readonly secondPlace?: string }) {
  let now = 1_000 * day
  const clock = { now: () => now, at: (at: number, call: () => void) => systemClock.at(at, call) }
  const log = openMemoryLog({ realm: 'shop', partitions: 1, clock })
  const maker = makerOf(log.connect(), openMemoryArchive(undefined, Buffer.alloc(32, 7)))
  const world = { bus: maker.bus, archive: maker.archive, clock, kinds: new Map() }
  const open = () => choresOf(world, { name: 'n', drillEveryMs: 0, secondPlace: undefined, ...options })
  let chores = open()
  const traces: Trace[] = []
  const hearing = onTrace((one) => traces.push(one))
  return {
    maker,
    /** All that is due is done, also by another node than before. */
    async look({ isOther = false } = {}) {
      if (isOther) chores = open()
      chores.consider(await maker.shelf.notes())
      await chores.rest()
      return traces
        .splice(0)
        .flatMap((one) => ('cut' in one ? [`${one.is} ${one.cut}`] : one.is === 'cuts.unkept' ? [one.is] : []))
    },
    pass: (ms: number) => void (now += ms),
    [Symbol.dispose]: () => hearing.stop(),
  }
}

test('once a day the newest cut of the schedule is drilled, whichever node does it [N41]', async () => {
  using world = openWorld({ drillEveryMs: day })
  const { maker } = world
  await keepCut(maker, { id: 'hand', actors: {}, by: 'ann', begunAt: 9 })
  expect(await world.look()).toEqual([])
  await keepCut(maker, { id: 'a', actors: { 'order/1': {} }, by: bySchedule, begunAt: 10 })
  expect(await world.look()).toEqual(['cut.drilled a'])
  await keepCut(maker, { id: 'b', actors: { 'order/1': {} }, by: bySchedule, begunAt: 20 })
  expect(await world.look()).toEqual([])
  expect(await world.look({ isOther: true })).toEqual([])
  world.pass(day)
  expect(await world.look({ isOther: true })).toEqual(['cut.drilled b'])
  world.pass(day)
  // It was drilled already.
  expect(await world.look()).toEqual([])
  expect((await readDrills(maker.bus.notes)).map(({ cut, passed, actors }) => [cut, passed, actors])).toEqual([
    ['a', true, 1],
    ['b', true, 1],
  ])
})

test('of drills the newest reports stay, also when their cuts are gone', async () => {
  using world = openWorld({ drillEveryMs: 1 })
  for (let at = 0; at < 13; at++) {
    await keepCut(world.maker, { id: `c${at}`, actors: {}, by: bySchedule, begunAt: at })
    world.pass(1000)
    await world.look()
  }
  expect((await readDrills(world.maker.bus.notes)).map(({ cut }) => cut)).toEqual(
    Array.from({ length: 10 }, (_, at) => `c${at + 3}`),
  )
})

test('each cut of the schedule is copied, and goes from there when it is a cut no more; nothing else ever does', async () => {
  await using dir = await openTempDir()
  using world = openWorld({ secondPlace: dir.path })
  const { maker } = world
  await writeFile(join(dir.path, 'shop-before.cut'), 'of the realm that was lost')
  await keepCut(maker, { id: 'a', actors: { 'order/1': {} }, by: bySchedule, begunAt: 10 })
  expect(await world.look()).toEqual(['cut.copied a'])
  world.pass(day)
  expect(await world.look({ isOther: true })).toEqual([])
  await keepCut(maker, { id: 'b', actors: {}, by: bySchedule, begunAt: 20 })
  await removeCut(maker.shelf, 'a', { realm: 'shop', at: 1 })
  await maker.bus.notes.remove('cut.a')
  world.pass(day)
  expect(await world.look()).toEqual(['cut.copied b'])
  expect((await readdir(dir.path)).toSorted()).toEqual(['shop-b.cut', 'shop-before.cut'])
  await using file = await openCutFile(join(dir.path, 'shop-b.cut'))
  expect(file.id).toBe('b')
  expect(await readCopy(maker.bus.notes)).toMatchObject({ cut: 'b', reason: undefined, cuts: ['b'] })
})

test('a second place that is not there is said, and tried again later', async () => {
  await using dir = await openTempDir()
  const secondPlace = join(dir.path, 'far')
  using world = openWorld({ secondPlace })
  await keepCut(world.maker, { id: 'a', actors: {}, by: bySchedule })
  expect(await world.look()).toEqual(['cuts.unkept'])
  expect(await readCopy(world.maker.bus.notes)).toMatchObject({ cut: 'a', reason: expect.stringContaining('ENOENT') })
  await mkdir(secondPlace)
  expect(await world.look()).toEqual([])
  world.pass(60_000)
  expect(await world.look()).toEqual(['cut.copied a'])
  expect(await readCopy(world.maker.bus.notes)).toMatchObject({ reason: undefined })
  await rm(secondPlace, { recursive: true })
})
