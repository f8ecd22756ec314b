/** A drill restores a cut into a scratch realm by the code that restores a real one, and says what it found. */
import { expect, test } from 'vitest'
import { createMachine } from 'xstate'
import { actor } from '#protocol/actor.ts'
import { cutNames, encodeManifest, signedBytesOf } from '#protocol/cut.ts'
import type { CutDrill } from '#protocol/cut-drill.ts'
import { encodeEnvelope } from '#protocol/envelope.ts'
import { systemClock } from '#runtime/clock.ts'
import { blueprintOf } from '#runtime/core/blueprint.ts'
import { storedSource } from '#runtime/cuts/reading/cut-source.ts'
import { drillCut } from '#runtime/cuts/keeping/drill.ts'
import { openMemoryLog } from '#runtime/memory/memory-bus.ts'
import { onTrace } from '#runtime/trace.ts'
import { openMemoryArchive } from '#store/memory-archive.ts'
import { openTestNode, openTestRealm } from '#test/support/engine.ts'
import { keepCut, type Maker, makerOf } from '#test/support/hand-made-cuts.ts'

const order = actor('order', createMachine({ initial: 'open', states: { open: {} } }), { version: 1 })
const kinds = new Map([['order', blueprintOf(order)]])
const secret = Buffer.alloc(32, 7)

function openMaker(): Maker {
  const log = openMemoryLog({ realm: 'shop', partitions: 2, clock: systemClock })
  return makerOf(log.connect(), openMemoryArchive(undefined, secret))
}

const drill = ({ bus, archive }: Maker, cut: string, known = kinds): Promise<CutDrill> =>
  drillCut(
    { source: storedSource(bus.cuts), archive, clock: systemClock, maxPayload: bus.maxPayload, kinds: known },
    { cut, realm: 'shop', node: 'n', by: 'test' },
  )

test('a cut of a realm that ran passes, with all that is in it, and the realm notices nothing [N41]', async () => {
  const log = openMemoryLog({ realm: 'shop', partitions: 3, clock: systemClock })
  const archive = openMemoryArchive(undefined, secret)
  await using node = await openTestNode(log.connect(), [order], { archive })
  await using realm = openTestRealm(log.connect())
  for (let at = 0; at < 30; at++) await realm.ref(order, String(at)).send({ type: 'ANY' })
  await node.settle()
  const manifest = await node.cuts?.take({ name: undefined, by: 'test' }).whole
  const before = log.entries().length
  const told: string[] = []
  const hearing = onTrace(({ is }) => told.push(is))
  const report = await drill(makerOf(log.connect(), archive), manifest?.id ?? '')
  hearing.stop()
  expect(report).toMatchObject({ passed: true, actors: 30, envelopes: 0, found: [], count: 0, unknown: [] })
  expect(told).not.toContain('realm.restored')
  expect(log.entries()).toHaveLength(before)
  expect((await log.generations.newest())?.realm.generation).toBe(0)
})

test('what would not come back is found, each by what it is', async () => {
  const maker = openMaker()
  const actors = { 'order/1': {}, 'order/2': {}, 'order/3': {} }
  await keepCut(maker, { id: 'c', actors, rowsMost: 1 })
  // They stand in a state that this definition does not know.
  const shut = actor('order', createMachine({ initial: 'shut', states: { shut: {} } }), { version: 1 })
  const report = await drill(maker, 'c', new Map([['order', blueprintOf(shut)]]))
  expect(report).toMatchObject({ passed: false, actors: 3, count: 3 })
  expect(report.found[0]).toMatch(/^order\/\d: .*\(actor\.\w+\)$/)
  // Who does not know the kind reads the states, and says so.
  expect(await drill(maker, 'c', new Map())).toMatchObject({ passed: true, actors: 3, unknown: ['order'] })
  const [name = ''] = (await maker.bus.cuts.names()).filter((one) => one.startsWith('segment.'))
  const bytes = (await maker.bus.cuts.get(name)) as Uint8Array
  await maker.bus.cuts.remove(name)
  expect(await drill(maker, 'c', new Map())).toMatchObject({ passed: false, actors: 0, count: 1 })
  const last = bytes.length - 1
  await maker.bus.cuts.put(
    name,
    bytes.map((byte, at) => (at === last ? byte ^ 1 : byte)),
  )
  expect((await drill(maker, 'c', new Map())).found[0]).toContain('cut.damaged')
})

test('a cut that says of itself what is not so does not pass', async () => {
  const maker = openMaker()
  const manifest = await keepCut(maker, { id: 'c', actors: { 'order/1': {} } })
  const base = await keepCut(maker, { id: 'b', actors: { 'order/1': {}, 'order/2': {} } })
  // Counts only what is in its own layer, and not that the one below has another actor.
  await keepCut(maker, { id: 'd', actors: { 'order/1': {} }, base })
  expect((await drill(maker, 'd', new Map())).found).toContainEqual(
    expect.stringMatching(/there are 2 actors of kind "order", and the cut says 1/),
  )
  const unsigned = { ...manifest, channels: [['0', 1, 5]] as const }
  const signature = maker.archive.sign(signedBytesOf(unsigned))
  await maker.bus.cuts.put(cutNames.manifest('c'), encodeManifest({ ...unsigned, signature }))
  await maker.archive.documents.remove(cutNames.manifest('c'))
  expect((await drill(maker, 'c', new Map())).found).toEqual(['0 envelopes were in flight, and the cut says 5'])
})

test('an envelope in flight that cannot be read is found', async () => {
  const maker = openMaker()
  const sound = encodeEnvelope({
    ...{
      generation: 0,
      to: 'order/1',
      from: 'order/2',
      n: 1,
      index: 0,
      content: { is: 'event', event: { type: 'A' } },
    },
  } as never)
  const flights = [
    [5, 'shop.in.0.1.order.1', sound, 7],
    [6, 'shop.in.0.1.order.1', new Uint8Array([1, 2, 3]), 7],
  ] as const
  const manifest = await keepCut(maker, { id: 'c', actors: {}, flights })
  const unsigned = { ...manifest, channels: [['1', 0, 2]] as const }
  const signature = maker.archive.sign(signedBytesOf(unsigned))
  await maker.bus.cuts.put(cutNames.manifest('c'), encodeManifest({ ...unsigned, signature }))
  const { passed, found } = await drill(maker, 'c')
  expect(passed).toBe(false)
  expect(found[0]).toMatch(/envelope|restore ended early/)
})
