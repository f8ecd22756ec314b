/** What was changed after a cut was taken, or was never signed by its key, is not restored, and the realm goes on. */
import { expect, test } from 'vitest'
import { cutNames, encodeManifest, signedBytesOf } from '#protocol/cut.ts'
import { openCut } from '#runtime/cuts/reading/open-cut.ts'
import { restoreCut } from '#runtime/cuts/restoring/restore.ts'
import { systemClock } from '#runtime/clock.ts'
import { openMemoryLog } from '#runtime/memory/memory-bus.ts'
import { baseOfRows } from '#store/base-blob.ts'
import { openMemoryArchive } from '#store/memory-archive.ts'
import { keepCut, type Maker, makerOf } from '#test/support/hand-made-cuts.ts'

const secret = Buffer.alloc(32, 7)
const stranger = openMemoryArchive(undefined, Buffer.alloc(32, 8))

function flipped(bytes: Uint8Array): Uint8Array {
  const changed = Uint8Array.from(bytes)
  const at = changed.length >> 1
  changed[at] = (changed[at] as number) ^ 1
  return changed
}

/** One bit of the first that begins so. */
const flip =
  (beginning: string) =>
  async ({ bus }: Maker): Promise<void> => {
    const name = (await bus.cuts.names()).find((one) => one.startsWith(beginning)) ?? ''
    await bus.cuts.put(name, flipped((await bus.cuts.get(name)) as Uint8Array))
  }

/** The manifest says the same, and carries another signature. */
const signedBy =
  (sign: (bytes: Uint8Array) => Uint8Array, signer?: Uint8Array) =>
  async ({ bus, shelf }: Maker): Promise<void> => {
    const manifest = await shelf.manifest('c1')
    const unsigned = { ...manifest, signer: signer ?? manifest.signer }
    const bytes = encodeManifest({ ...unsigned, signature: sign(signedBytesOf(unsigned)) })
    await bus.cuts.put(cutNames.manifest('c1'), bytes)
  }

const changes: readonly (readonly [name: string, change: (maker: Maker) => Promise<void>, code: RegExp])[] = [
  ['with a flipped bit in its manifest', flip(cutNames.manifest('c1')), /^cut\.(signature|damaged|format)$/],
  ['with a flipped bit in a slice', flip(cutNames.slice('c1', 1)), /^cut\.damaged$/],
  ['with a flipped bit in a segment', flip('segment.'), /^cut\.damaged$/],
  ['without a signature', signedBy(() => new Uint8Array(0)), /^cut\.signature$/],
  ['with an empty signature', signedBy(() => new Uint8Array(64)), /^cut\.signature$/],
  ['signed by a stranger', signedBy(stranger.sign, stranger.signer), /^cut\.signature$/],
  ['signed without any key', signedBy(openMemoryArchive().sign, openMemoryArchive().signer), /^cut\.signature$/],
]

/** Whoever restores has nothing but what lies in the object store, and a key. */
async function restored(change: (maker: Maker) => Promise<void>, key: Uint8Array | null = secret) {
  const log = openMemoryLog({ realm: 'shop', partitions: 2, clock: systemClock })
  const maker = makerOf(log.connect(), openMemoryArchive(undefined, secret))
  await keepCut(maker, { id: 'c1', actors: { 'order/1': { n: 1 }, 'order/2': { n: 2 } }, rowsMost: 1 })
  await change(maker)
  const there = makerOf(log.connect(), openMemoryArchive(undefined, key ?? undefined))
  const world = { generations: log.generations, clock: systemClock, baseOf: baseOfRows }
  const restoring = openCut(there, 'c1').then((view) => restoreCut(world, view, {}, () => undefined))
  const code = await restoring.then(
    () => 'restored',
    (fault: { readonly code?: string }) => fault.code,
  )
  const { realm, state } = (await log.generations.newest()) ?? {}
  return { code, generation: realm?.generation, state }
}

test.for(changes)('a cut %s is not restored, and the realm serves on [N34]', async ([, change, code]) => {
  expect(await restored(change)).toEqual({
    ...{ generation: 0, state: 'open' },
    code: expect.stringMatching(code) as string,
  })
})

const unchanged = (): Promise<void> => Promise.resolve()

test('with another key or none a cut is not restored, with its own it is [N34]', async () => {
  for (const key of [Buffer.alloc(32, 8), null])
    expect(await restored(unchanged, key)).toEqual({ code: 'cut.signature', generation: 0, state: 'open' })
  expect(await restored(unchanged)).toEqual({ code: 'restored', generation: 1, state: 'open' })
})
