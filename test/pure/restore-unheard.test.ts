/** Emitted events that nobody has heard yet: a restore puts each back where it stood, or says beforehand that it cannot. */
import { expect, test } from 'vitest'
import type { FlightRow } from '#protocol/cut.ts'
import { systemClock } from '#runtime/clock.ts'
import { openCut } from '#runtime/cuts/reading/open-cut.ts'
import { storedSource } from '#runtime/cuts/reading/cut-source.ts'
import { drillCut } from '#runtime/cuts/keeping/drill.ts'
import { restoreCut } from '#runtime/cuts/restoring/restore.ts'
import { makeFork } from '#runtime/forks/make-fork.ts'
import { openMemoryLog } from '#runtime/memory/memory-bus.ts'
import { openPlacedView } from '#runtime/mending/placed-view.ts'
import { baseOfRows } from '#store/base-blob.ts'
import { openMemoryArchive } from '#store/memory-archive.ts'
import { keepCut, makerOf } from '#test/support/hand-made-cuts.ts'
import { emptyGenerations } from '#test/support/memory-realms.ts'

type Unheard = { readonly count: number; readonly apart: number; readonly maxPayload?: number }

/** A realm with a cut in which so many emitted events wait, none of them right behind another. */
async function openUnheard({ count, apart, maxPayload }: Unheard) {
  const log = openMemoryLog({ realm: 'shop', partitions: 2, clock: systemClock, maxPayload })
  const archive = openMemoryArchive()
  const maker = makerOf(log.connect(), archive)
  const news = Buffer.from('{"type":"news"}')
  const flights = Array.from({ length: count }, (_, at): FlightRow => [
    10 + apart * at,
    'shop.ev.speaker.s.news',
    news,
    7,
  ])
  const commit = 20 + apart * count
  await keepCut(maker, { id: 'c', actors: { 'order/1': {} }, flights, flightsMost: 10_000, commit })
  const view = await openCut({ shelf: maker.shelf, archive }, 'c')
  const world = { generations: log.generations, clock: systemClock, baseOf: baseOfRows }
  const restore = () => restoreCut(world, view, {}, () => undefined)
  return { log, maker, view, restore, positions: flights.map(([position]) => position) }
}

test('a hundred thousand that lay apart are heard after a restore, each once, in order, where it stood', async () => {
  const { log, restore, positions } = await openUnheard({ count: 100_000, apart: 3 })
  expect(await restore()).toMatchObject({ generation: 1, envelopes: 100_000 })
  await using bus = await openPlacedView({ bus: log.connect(), clock: systemClock }, { retryMs: 10 })
  const heard: number[] = []
  const all = Promise.withResolvers<void>()
  const reading = await bus.read({
    filter: 'shop.ev.>',
    from: 1,
    onEntry({ seq }) {
      if (heard.push(seq) === positions.length) all.resolve()
    },
  })
  await all.promise
  await reading.stop()
  expect(heard).toEqual(positions)
  for (const position of [10, 30_010, 300_007])
    expect((await bus.get(position))?.subject).toBe('shop.ev.speaker.s.news')
  expect(await bus.get(30_011)).toBeUndefined()
})

test('more than an entry can tell of are refused with how many they are, and nothing is changed', async () => {
  const { log, maker, view, restore } = await openUnheard({ count: 10_000, apart: 100, maxPayload: 16_384 })
  const before = log.entries()
  const present = await log.generations.newest()
  const refusal = { code: 'restore.tooManyUnheard', details: { value: 'c', count: 10_000, limit: 16_384 } }
  await expect(restore()).rejects.toMatchObject(refusal)
  expect(await log.generations.newest()).toEqual(present)
  expect(log.entries()).toEqual(before)
  // Nobody took a number either.
  expect(await log.generations.reserve(0)).toBe(1)

  const beside = openMemoryLog({ realm: 'copy', partitions: 2, clock: systemClock, maxPayload: 16_384 })
  let holds = 0
  const forking = {
    ...{ clock: systemClock, baseOf: baseOfRows, generations: emptyGenerations(beside), kinds: undefined },
    hold: () => Promise.resolve(++holds > 0),
  }
  const options = { as: 'copy', effects: { is: 'block' }, timers: 'frozen' } as const
  await expect(makeFork(forking, view, options, () => undefined)).rejects.toMatchObject(refusal)
  expect(holds).toBe(0)

  const { bus, archive } = maker
  const drilling = { source: storedSource(bus.cuts), archive, clock: systemClock, kinds: new Map() }
  const drill = (maxPayload: number) =>
    drillCut({ ...drilling, maxPayload }, { cut: 'c', realm: 'shop', node: 'n', by: 'test' })
  expect((await drill(16_384)).found).toEqual([expect.stringContaining('(restore.tooManyUnheard)')])
  expect(await drill(1_048_576)).toMatchObject({ passed: true, envelopes: 10_000 })
})

test('as many are restored where they lie so close that an entry can tell of all', async () => {
  const { restore } = await openUnheard({ count: 10_000, apart: 3, maxPayload: 16_384 })
  expect(await restore()).toMatchObject({ envelopes: 10_000 })
})
