/** A cut as one file: whole or refused, readable with the key alone, and taken in again. */
import { createHash } from 'node:crypto'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { cutNames, decodeSlice } from '#protocol/cut.ts'
import { decodeState } from '#protocol/state.ts'
import { systemClock } from '#runtime/clock.ts'
import { isCutFile, openCutFile, writeCutFile } from '#runtime/cuts/reading/cut-file.ts'
import { storedSource } from '#runtime/cuts/reading/cut-source.ts'
import { importCut } from '#runtime/cuts/keeping/import-cut.ts'
import { openCut } from '#runtime/cuts/reading/open-cut.ts'
import { removeCut } from '#runtime/cuts/keeping/remove-cut.ts'
import { openMemoryLog } from '#runtime/memory/memory-bus.ts'
import { openMemoryArchive } from '#store/memory-archive.ts'
import { keepCut, type Maker, makerOf } from '#test/support/hand-made-cuts.ts'
import { rounds } from '#test/support/rounds.ts'
import { openTempDir } from '#test/support/temp-dir.ts'
import { randomOf } from '#test/support/workloads/random.ts'

const secret = Buffer.alloc(32, 7)
const keyless = openMemoryArchive()

function openMaker(realm = 'shop', key: Uint8Array | null = secret): Maker {
  const log = openMemoryLog({ realm, partitions: 2, clock: systemClock })
  return makerOf(log.connect(), openMemoryArchive(undefined, key ?? undefined))
}

const actors = { 'order/1': { n: 1 }, 'order/2': { n: 2 }, 'order/3': { n: 3 } }

async function exported(maker: Maker, dir: string): Promise<string> {
  const flights = [[5, 'shop.in.0.x.order.1', new Uint8Array([1, 2]), 7, 'id']] as const
  await keepCut(maker, { id: 'c1', name: 'first', actors, flights, rowsMost: 1 })
  const path = join(dir, 'c1.cut')
  await writeCutFile(path, { source: storedSource(maker.bus.cuts), archive: keyless, realm: 'shop' }, { cut: 'c1' })
  return path
}

test('a file holds all of a cut, is written without the key and read with it [U17]', async () => {
  await using dir = await openTempDir()
  const path = await exported(openMaker(), dir.path)
  expect(await readdir(dir.path)).toEqual(['c1.cut'])
  expect(await isCutFile(path)).toBe(true)
  await using file = await openCutFile(path)
  const view = await file.view(openMemoryArchive(undefined, secret))
  expect(view.manifest).toMatchObject({ id: 'c1', name: 'first', realm: 'shop' })
  const found: Record<string, unknown> = {}
  for (const partition of [0, 1])
    for await (const [address, state] of view.states(partition))
      found[address] = decodeState(state as Uint8Array).snapshot.context
  expect(found).toEqual(actors)
  expect((await Array.fromAsync(view.flights())).map(([position, subject]) => [position, subject])).toEqual([
    [5, 'shop.in.0.x.order.1'],
  ])
  await expect(file.view(openMemoryArchive(undefined, Buffer.alloc(32, 8)))).rejects.toMatchObject({
    code: 'cut.signature',
  })
})

test('a file that ends anywhere before its end, or goes on after it, is refused', async () => {
  await using dir = await openTempDir()
  const whole = await readFile(await exported(openMaker(), dir.path))
  const path = join(dir.path, 'part')
  const dice = randomOf(1)
  const lengths = [
    0,
    1,
    15,
    16,
    19,
    20,
    26,
    27,
    whole.length - 1,
    whole.length - 32,
    whole.length - 33,
    whole.length - 39,
  ]
  for (let at = 0; at < rounds(50, 500); at++) lengths.push(dice.int(0, whole.length - 1))
  for (const length of lengths) {
    await writeFile(path, whole.subarray(0, length))
    await expect(openCutFile(path), `${length} of ${whole.length} bytes`).rejects.toMatchObject({ code: 'cut.file' })
  }
  await writeFile(path, Buffer.concat([whole, Buffer.alloc(1)]))
  await expect(openCutFile(path)).rejects.toMatchObject({ code: 'cut.file' })
})

test('a file with one bit changed anywhere is refused [N34]', async () => {
  await using dir = await openTempDir()
  const whole = await readFile(await exported(openMaker(), dir.path))
  const path = join(dir.path, 'flipped')
  const dice = randomOf(2)
  const places = Array.from({ length: 48 }, (_, at) => at).concat(
    Array.from({ length: 40 }, (_, at) => whole.length - 1 - at),
    Array.from({ length: rounds(100, 1000) }, () => dice.int(0, whole.length - 1)),
  )
  for (const place of places) {
    const bytes = Buffer.from(whole)
    bytes[place] = (bytes[place] as number) ^ (1 << dice.int(0, 7))
    await writeFile(path, bytes)
    // Of what says which format it is, some changes say that it is a newer one.
    await expect(openCutFile(path), `a bit of byte ${place}`).rejects.toMatchObject({
      code: expect.stringMatching(/^cut\.(file|format)$/),
    })
  }
})

test('a file of a later format is refused with what to do', async () => {
  await using dir = await openTempDir()
  const path = await exported(openMaker(), dir.path)
  const bytes = await readFile(path)
  bytes.writeUInt32BE(2, 16)
  await writeFile(path, bytes)
  await expect(openCutFile(path)).rejects.toMatchObject({ code: 'cut.format' })
})

test('a file that is there is not overwritten, and one that cannot be finished leaves nothing', async () => {
  await using dir = await openTempDir()
  const maker = openMaker()
  const path = await exported(maker, dir.path)
  const world = { source: storedSource(maker.bus.cuts), archive: keyless, realm: 'shop' }
  await expect(writeCutFile(path, world, { cut: 'c1' })).rejects.toMatchObject({ code: 'cut.fileThere' })
  const [segment = ''] = (await maker.bus.cuts.names()).filter((name) => name.startsWith('segment.'))
  await maker.bus.cuts.put(segment, new Uint8Array(100))
  const other = join(dir.path, 'other.cut')
  await expect(writeCutFile(other, world, { cut: 'c1' })).rejects.toMatchObject({ code: 'cut.damaged' })
  await maker.bus.cuts.remove(segment)
  await expect(writeCutFile(other, world, { cut: 'c1' })).rejects.toMatchObject({ code: 'cut.missing' })
  await expect(writeCutFile(other, world, { cut: 'c2' })).rejects.toMatchObject({ code: 'cut.unknown' })
  expect(await readdir(dir.path)).toEqual(['c1.cut'])
})

test('an imported cut is one of the realm, also where nothing of it ever was', async () => {
  await using dir = await openTempDir()
  const path = await exported(openMaker(), dir.path)
  const there = openMaker()
  await using file = await openCutFile(path)
  const note = await importCut({ ...there, clock: systemClock }, file, { node: 'test' })
  expect(note).toMatchObject({ id: 'c1', name: 'first', state: 'whole', by: 'import', actors: 3 })
  expect(await there.shelf.note('c1')).toEqual(note)
  const view = await openCut(there, 'c1')
  expect(await view.state('order/2')).toBeDefined()
  expect(await importCut({ ...there, clock: systemClock }, file, { node: 'test' })).toEqual(note)
})

test('a cut that was removed is taken in again from its file', async () => {
  await using dir = await openTempDir()
  const maker = openMaker()
  await using file = await openCutFile(await exported(maker, dir.path))
  await removeCut(maker.shelf, 'c1', { realm: 'shop', at: 5 })
  await importCut({ ...maker, clock: systemClock }, file, { node: 'test' })
  expect(await maker.shelf.isWhole('c1')).toBe(true)
})

test('nothing of a file is stored before all of it was verified', async () => {
  await using dir = await openTempDir()
  const path = await exported(openMaker(), dir.path)
  // Whole as a file, and forged within: a segment has another byte, and the hash at the end fits.
  const bytes = await readFile(path)
  const before = bytes.length - 39
  bytes[before - 1] = (bytes[before - 1] as number) ^ 1
  bytes.set(createHash('sha256').update(bytes.subarray(0, before)).digest(), bytes.length - 32)
  const forged = join(dir.path, 'forged.cut')
  await writeFile(forged, bytes)
  await using file = await openCutFile(forged)
  for (const [realm, key, code] of [
    ['shop', secret, 'cut.damaged'],
    ['shop', null, 'cut.damaged'],
  ] as const) {
    const there = openMaker(realm, key)
    if (key === null) expect(there.archive.keyName).toBeUndefined()
    await expect(importCut({ ...there, clock: systemClock }, file, { node: 'test' })).rejects.toMatchObject({ code })
    expect([await there.bus.cuts.names(), await there.bus.notes.all()]).toEqual([[], []])
  }
  await using sound = await openCutFile(path)
  for (const [there, code] of [
    [openMaker('farm'), 'cut.otherRealm'],
    [openMaker('shop', Buffer.alloc(32, 8)), 'cut.signature'],
  ] as const) {
    await expect(importCut({ ...there, clock: systemClock }, sound, { node: 'test' })).rejects.toMatchObject({ code })
    expect([await there.bus.cuts.names(), await there.bus.notes.all()]).toEqual([[], []])
  }
  const slice = await sound.source.document(cutNames.slice('c1', 0))
  expect(decodeSlice(slice as Uint8Array).partition).toBe(0)
})
