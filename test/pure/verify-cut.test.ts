/** Verifying a cut finds whatever is wrong with it, names it, and changes nothing. */
import { expect, test } from 'vitest'
import { cutNames, type CutSlice, encodeManifest, encodeSlice, signedBytesOf } from '#protocol/cut.ts'
import { encode } from '#protocol/codec.ts'
import { systemClock } from '#runtime/clock.ts'
import { storedSource } from '#runtime/cuts/reading/cut-source.ts'
import { verifyCut, type Verified } from '#runtime/cuts/reading/verify-cut.ts'
import { openMemoryLog } from '#runtime/memory/memory-bus.ts'
import { openMemoryArchive } from '#store/memory-archive.ts'
import { keepCut, type Maker, makerOf } from '#test/support/hand-made-cuts.ts'
import { randomOf } from '#test/support/workloads/random.ts'

const secret = Buffer.alloc(32, 7)

async function openMaker(): Promise<Maker> {
  const log = openMemoryLog({ realm: 'shop', partitions: 2, clock: systemClock })
  const maker = makerOf(log.connect(), openMemoryArchive(undefined, secret))
  const actors = Object.fromEntries(Array.from({ length: 12 }, (_, at) => [`order/${at}`, { n: at }]))
  await keepCut(maker, { id: 'c1', actors, rowsMost: 3 })
  return maker
}

function verify({ bus }: Maker, key: Uint8Array | undefined = secret): Promise<Verified> {
  const source = storedSource(bus.cuts)
  return verifyCut({ source, archive: openMemoryArchive(undefined, key) }, { cut: 'c1', realm: 'shop' })
}

const codesOf = ({ flaws }: Verified): string[] => flaws.map(({ what, fault }) => `${what} ${fault.code}`)

async function stored({ bus }: Maker): Promise<[string, Uint8Array | undefined][]> {
  const names = await bus.cuts.names()
  return await Promise.all(
    names.map(async (name): Promise<[string, Uint8Array | undefined]> => [name, await bus.cuts.get(name)]),
  )
}

test('a whole cut is called whole, and looking changes nothing', async () => {
  const maker = await openMaker()
  const before = await stored(maker)
  const verified = await verify(maker)
  expect(verified).toMatchObject({ cut: 'c1', flawed: 0, flaws: [], actors: 12, documents: 3 })
  expect(verified.segments).toBe(before.length - 3)
  expect(await stored(maker)).toEqual(before)
})

test('one bit changed anywhere, in manifest, slice or segment, is found [N34]', async () => {
  const maker = await openMaker()
  const dice = randomOf(3)
  const all = await stored(maker)
  for (const [name, bytes] of all) {
    const whole = bytes as Uint8Array
    const places =
      whole.length < 40 ? [...whole.keys()] : Array.from({ length: 40 }, () => dice.int(0, whole.length - 1))
    for (const place of places) {
      const changed = Uint8Array.from(whole)
      changed[place] = (changed[place] as number) ^ (1 << dice.int(0, 7))
      await maker.bus.cuts.put(name, changed)
      const { flawed, flaws } = await verify(maker)
      expect(flawed, `byte ${place} of ${name}`).toBe(1)
      expect(flaws[0]?.name).toBe(name)
    }
    await maker.bus.cuts.put(name, whole)
  }
})

test('all that is wrong is said at once, each with what it is', async () => {
  const maker = await openMaker()
  const segments = (await maker.bus.cuts.names()).filter((name) => name.startsWith('segment.'))
  await maker.bus.cuts.remove(cutNames.slice('c1', 1))
  const of0 = (await maker.shelf.slice('c1', 0))?.layers.flat().map(({ id }) => cutNames.segment(id)) ?? []
  const [first = '', second = ''] = of0
  await maker.bus.cuts.remove(first)
  await maker.bus.cuts.put(second, new Uint8Array(60))
  expect(segments.length).toBeGreaterThan(2)
  const verified = await verify(maker)
  expect(codesOf(verified)).toEqual(['slice cut.missing', 'segment cut.missing', 'segment cut.damaged'])
  expect(verified.flaws.map(({ partition }) => partition)).toEqual([1, 0, 0])
})

test('another key, and a later format, are refused as what they are', async () => {
  const maker = await openMaker()
  expect(codesOf(await verify(maker, Buffer.alloc(32, 8)))).toEqual(['manifest cut.signature'])
  await maker.bus.cuts.put(cutNames.manifest('c1'), encode([encode([99, 'c1']), new Uint8Array(64)]))
  expect(codesOf(await verify(maker))).toEqual(['manifest cut.format'])
  await maker.bus.cuts.remove(cutNames.manifest('c1'))
  expect(codesOf(await verify(maker))).toEqual(['manifest cut.unknown'])
})

test('a slice of a later format is refused as that, though it was signed', async () => {
  const maker = await openMaker()
  const { bus, archive, shelf } = maker
  const manifest = await shelf.manifest('c1')
  const slice = encodeSlice({ ...((await shelf.slice('c1', 1)) as CutSlice), format: 99 })
  const slices = manifest.slices.map((ref) => (ref.partition === 1 ? { ...ref, hash: archive.hashOf(slice) } : ref))
  const unsigned = { ...manifest, slices }
  const signature = archive.sign(signedBytesOf(unsigned))
  await bus.cuts.put(cutNames.slice('c1', 1), slice)
  await bus.cuts.put(cutNames.manifest('c1'), encodeManifest({ ...unsigned, signature }))
  expect(codesOf(await verify(maker))).toEqual(['slice cut.format'])
})

test('the manifest of another cut under this name is refused', async () => {
  const maker = await openMaker()
  await keepCut(maker, { id: 'c2', actors: {} })
  await maker.bus.cuts.put(cutNames.manifest('c1'), (await maker.bus.cuts.get(cutNames.manifest('c2'))) as Uint8Array)
  expect(codesOf(await verify(maker))).toEqual(['manifest cut.damaged'])
})

test('a copy that only an archive has is said to be there', async () => {
  const maker = await openMaker()
  const [name = ''] = (await maker.bus.cuts.names()).filter((one) => one.startsWith('segment.'))
  await maker.bus.cuts.remove(name)
  const { flaws } = await verifyCut(
    {
      source: storedSource(maker.bus.cuts),
      archive: maker.archive,
      heldBy: (names) => Promise.resolve(new Map(names.map((one) => [one, ['node-2']]))),
    },
    { cut: 'c1', realm: 'shop' },
  )
  expect(flaws).toMatchObject([{ name, heldBy: ['node-2'], fault: { code: 'cut.missing' } }])
})
