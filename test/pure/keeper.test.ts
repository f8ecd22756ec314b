/** The realm takes cuts of itself when they are due, gives up what nobody goes on with, and lets go of what was removed. */
import { expect, test } from 'vitest'
import { cutNames, type CutManifest } from '#protocol/cut.ts'
import { openKeeper, type KeeperOptions } from '#runtime/cuts/keeping/keeper.ts'
import { removeCut } from '#runtime/cuts/keeping/remove-cut.ts'
import { bySchedule } from '#runtime/cuts/keeping/retention.ts'
import { sweptSince } from '#runtime/cuts/keeping/sweep.ts'
import { importCut } from '#runtime/cuts/keeping/import-cut.ts'
import { openCutFile, writeCutFile } from '#runtime/cuts/reading/cut-file.ts'
import { storedSource } from '#runtime/cuts/reading/cut-source.ts'
import type { Bus } from '#runtime/bus.ts'
import type { Blueprint } from '#runtime/core/blueprint.ts'
import { openMemoryLog } from '#runtime/memory/memory-bus.ts'
import { openVirtualClock } from '#runtime/memory/virtual-clock.ts'
import { onTrace, type Trace } from '#runtime/trace.ts'
import { encode } from '#protocol/codec.ts'
import { openMemoryShelf } from '#store/memory-archive.ts'
import { keepCut, makerOf, noteOf } from '#test/support/hand-made-cuts.ts'
import { openPlainArchive } from '#test/support/sim/plain-archive.ts'
import { openTempDir } from '#test/support/temp-dir.ts'
import { within } from '#test/support/within.ts'

const second = 1000
const minute = 60 * second
const never: Omit<KeeperOptions, 'name'> = {
  ...{ cutDeadlineMs: 10 * second, cutEveryMs: 0, cutEveryBytes: 0 },
  ...{ cutKeepLast: 2, cutKeepHourly: 0, cutKeepDaily: 0, drillEveryMs: 0, secondPlace: undefined },
}

function openWorld(given: Partial<KeeperOptions>, keepers = 1) {
  const clock = openVirtualClock({ start: Date.UTC(2026, 0, 1) })
  const log = openMemoryLog({ realm: 'shop', partitions: 1, clock, latencyMs: 1 })
  const maker = makerOf(log.connect(), openPlainArchive(openMemoryShelf()))
  const traces: Trace[] = []
  const hearing = onTrace((one) => traces.push(one))
  let number = 0
  /** While it is so, cuts are begun and never end. */
  let isStuck = false
  const taken: string[] = []
  const kinds = new Map<string, Blueprint>()

  let reads = 0
  const counting = (bus: Bus): Bus => ({ ...bus, get: (seq) => (reads++, bus.get(seq)) })

  async function make(id: string): Promise<CutManifest> {
    taken.push(id)
    const { lastSeq } = await maker.bus.logState()
    const at = { begunAt: clock.now(), by: bySchedule, commit: lastSeq }
    const manifest = await keepCut(maker, { id, actors: { 'order/1': { n: number } }, state: 'begun', ...at })
    const note = { ...noteOf(manifest, 'begun'), deadline: clock.now() + never.cutDeadlineMs }
    await maker.shelf.setNote(isStuck ? note : { ...note, state: 'whole' })
    return manifest
  }

  const all = Array.from({ length: keepers }, (_, at) => {
    const bus = counting(log.connect())
    const { archive, shelf } = makerOf(bus, openPlainArchive(openMemoryShelf()))
    const take = () => {
      const id = `c${++number}`
      return { id, begun: Promise.resolve(), whole: make(id) }
    }
    return openKeeper(
      { bus, archive, clock, shelf, kinds, take, isFirst: () => true },
      { ...never, ...given, name: `n${at}` },
    )
  })
  for (const keeper of all) keeper.start()
  return {
    ...{ clock, log, maker, taken, traces },
    work: (bytes = 10) => maker.bus.append({ subject: 'shop.in.0.x.order.1', data: new Uint8Array(bytes) }),
    reads: () => reads,
    stick: (is: boolean) => void (isStuck = is),
    async [Symbol.asyncDispose]() {
      hearing.stop()
      const stopped = Promise.all(all.map((keeper) => keeper.stop()))
      await clock.advance(minute)
      await stopped
    },
    within: <T>(work: Promise<T>): Promise<T> => within(clock, work),
  }
}

test('a cut is taken so often, if anything happened since the last', async () => {
  await using world = openWorld({ cutEveryMs: minute })
  await world.within(world.work())
  await world.clock.advance(50 * second)
  expect(world.taken).toEqual([])
  await world.clock.advance(30 * second)
  expect(world.taken).toEqual(['c1'])
  await world.clock.advance(20 * minute)
  expect(world.taken).toEqual(['c1'])
  await world.within(world.work())
  await world.clock.advance(10 * second)
  expect(world.taken).toEqual(['c1', 'c2'])
})

test('a cut each second, where that is wanted, as long as things happen [N8]', async () => {
  await using world = openWorld({ cutEveryMs: second })
  for (let at = 0; at < 100; at++) {
    await world.within(world.work())
    await world.clock.advance(second / 10)
  }
  expect(world.taken.length).toBeGreaterThanOrEqual(9)
  expect(world.taken.length).toBeLessThanOrEqual(10)
  await world.clock.advance(minute)
  expect(world.taken.length).toBeLessThanOrEqual(11)
})

test('what a cut left on the log of a realm at rest is read once, and not at every look', async () => {
  await using world = openWorld({ cutEveryMs: minute })
  await world.within(world.work())
  await world.clock.advance(80 * second)
  expect(world.taken).toEqual(['c1'])
  for (let left = 0; left < 3; left++)
    await world.within(world.maker.bus.append({ subject: 'shop.in.0.m.cut.c1', data: new Uint8Array() }))
  await world.clock.advance(20 * minute)
  expect(world.taken).toEqual(['c1'])
  expect(world.reads()).toBe(3)
})

test('so much log is as good as so much time', async () => {
  await using world = openWorld({ cutEveryMs: 60 * minute, cutEveryBytes: 100_000 })
  await world.within(world.work(1000))
  await world.clock.advance(61 * minute)
  expect(world.taken).toEqual(['c1'])
  for (let at = 0; at < 50; at++) await world.within(world.work(1000))
  await world.clock.advance(minute)
  expect(world.taken).toEqual(['c1'])
  for (let at = 0; at < 60; at++) await world.within(world.work(1000))
  await world.clock.advance(minute)
  expect(world.taken).toEqual(['c1', 'c2'])
})

test('by size alone, the first is taken when the log is that large', async () => {
  await using world = openWorld({ cutEveryBytes: 20_000 })
  await world.within(world.work(1000))
  await world.clock.advance(minute)
  expect(world.taken).toEqual([])
  for (let at = 0; at < 30; at++) await world.within(world.work(1000))
  await world.clock.advance(minute)
  expect(world.taken).toEqual(['c1'])
})

test('two nodes that both believe that they own the partition take no cut twice', async () => {
  await using world = openWorld({ cutEveryMs: minute }, 3)
  for (let at = 1; at <= 5; at++) {
    await world.within(world.work())
    await world.clock.advance(80 * second)
    expect(world.taken).toHaveLength(at)
  }
})

test('none is begun while one of the schedule is under way; one that nobody goes on with is given up and says why', async () => {
  await using world = openWorld({ cutEveryMs: 3 * second, cutDeadlineMs: 10 * second })
  world.stick(true)
  await world.within(world.work())
  await world.clock.advance(9 * second)
  expect(world.taken).toEqual(['c1'])
  world.stick(false)
  await world.clock.advance(minute)
  expect(await world.within(world.maker.shelf.note('c1'))).toMatchObject({
    state: 'abandoned',
    reason: 'test, which took it, does not go on with it',
  })
  expect(world.traces).toContainEqual(expect.objectContaining({ is: 'cut.lost', cut: 'c1' }))
  expect(world.taken).toContain('c2')
})

test('what is not kept goes by itself, with all that nothing else needs, and its note after it', async () => {
  await using world = openWorld({ cutEveryMs: minute })
  for (let at = 0; at < 6; at++) {
    await world.within(world.work())
    await world.clock.advance(minute)
  }
  await world.clock.advance(10 * minute)
  const whole = (await world.within(world.maker.shelf.notes())).map(({ id, state }) => `${id} ${state}`)
  const kept = world.taken.slice(-2)
  expect(world.taken.length).toBeGreaterThan(4)
  expect(whole).toEqual(kept.map((id) => `${id} whole`))
  const names = await world.within(world.maker.bus.cuts.names())
  expect(names.filter((name) => name.startsWith('cut.'))).toEqual(kept.flatMap((id) => [`cut.${id}`, `cut.${id}.0`]))
  expect(names.filter((name) => name.startsWith('segment.'))).toHaveLength(4)
})

test('nothing is swept while it cannot be said what a cut needs, and that is said', async () => {
  await using world = openWorld({})
  const { maker, clock, within } = world
  await within(keepCut(maker, { id: 'gone', actors: { 'order/1': 1 } }))
  await within(keepCut(maker, { id: 'kept', actors: { 'order/1': 1 } }))
  const slice = (await within(maker.bus.cuts.get(cutNames.slice('kept', 0)))) as Uint8Array
  await within(maker.bus.cuts.remove(cutNames.slice('kept', 0)))
  await within(removeCut(maker.shelf, 'gone', { realm: 'shop', at: clock.now() }))
  const before = await within(maker.bus.cuts.names())
  await clock.advance(5 * minute)
  expect(await within(maker.bus.cuts.names())).toEqual(before)
  expect(world.traces).toContainEqual(
    expect.objectContaining({
      is: 'cuts.unkept',
      what: 'store',
      fault: expect.objectContaining({ code: 'cut.missing' }),
    }),
  )
  await within(maker.bus.cuts.put(cutNames.slice('kept', 0), slice))
  await clock.advance(5 * minute)
  const names = await within(maker.bus.cuts.names())
  expect(names.filter((name) => name.startsWith('cut.'))).toEqual(['cut.kept', 'cut.kept.0'])
})

test('from the moment at which it is removed nobody opens a cut or builds on it; one that is being made stays', async () => {
  await using world = openWorld({})
  const { maker, within } = world
  await within(keepCut(maker, { id: 'c', actors: {} }))
  expect(await within(maker.shelf.isWhole('c'))).toBe(true)
  await within(removeCut(maker.shelf, 'c', { realm: 'shop', at: 1 }))
  expect(await within(maker.shelf.isWhole('c'))).toBe(false)
  const again = removeCut(maker.shelf, 'c', { realm: 'shop', at: 1 })
  await expect(within(again)).rejects.toMatchObject({ code: 'cut.unknown' })
  await within(keepCut(maker, { id: 'open', actors: {}, state: 'begun' }))
  const open = removeCut(maker.shelf, 'open', { realm: 'shop', at: 1 })
  await expect(within(open)).rejects.toMatchObject({ code: 'cut.unready' })
})

test('an import waits for a sweep that has begun, and no sweep begins while one goes on', async () => {
  await using dir = await openTempDir()
  await using world = openWorld({})
  const { maker, clock, within } = world
  const path = `${dir.path}/c.cut`
  await within(keepCut(maker, { id: 'c', actors: { 'order/1': 1, 'order/2': 2 }, rowsMost: 1 }))
  const { archive, bus } = maker
  let isWritten = false
  void writeCutFile(path, { source: storedSource(bus.cuts), archive, realm: 'shop' }, { cut: 'c' }).then(
    () => (isWritten = true),
  )
  // Files keep no virtual time.
  while (!isWritten) {
    await clock.advance(1)
    await new Promise((resolve) => setImmediate(resolve))
  }
  await within(removeCut(maker.shelf, 'c', { realm: 'shop', at: clock.now() }))
  await within(bus.notes.put('sweep', encode([1, 'other', clock.now()])))
  await using file = await openCutFile(path)
  let isDone = false
  const importing = importCut({ ...maker, clock }, file, { node: 'test' }).finally(() => (isDone = true))
  for (let at = 0; at < 300; at++) {
    await clock.advance(100)
    await new Promise((resolve) => setImmediate(resolve))
  }
  expect([isDone, (await within(maker.shelf.note('c')))?.state]).toEqual([false, 'begun'])
  await within(bus.notes.put('sweep', encode([1, 'other', 0])))
  while (!isDone) {
    await clock.advance(100)
    await new Promise((resolve) => setImmediate(resolve))
  }
  expect(await importing).toMatchObject({ state: 'whole' })
  expect(await within(sweptSince(bus.notes))).toBeUndefined()
})
