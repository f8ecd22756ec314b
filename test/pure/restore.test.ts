/** A restored realm goes on from the instant of its cut, whatever it is restored into. */
import { expect, test } from 'vitest'
import { assign, setup } from 'xstate'
import { actor } from '#protocol/actor.ts'
import { systemClock } from '#runtime/clock.ts'
import { cutShelfOf } from '#runtime/cuts/reading/cut-shelf.ts'
import { openCut } from '#runtime/cuts/reading/open-cut.ts'
import { restoreCut } from '#runtime/cuts/restoring/restore.ts'
import { openMemoryLog } from '#runtime/memory/memory-bus.ts'
import { baseOfRows } from '#store/base-blob.ts'
import { openMemoryArchive } from '#store/memory-archive.ts'
import { openTestNode, openTestRealm } from '#test/support/engine.ts'

const counter = actor(
  'counter',
  setup({ types: { context: {} as { n: number }, events: {} as { type: 'ADD' } } }).createMachine({
    context: { n: 0 },
    on: { ADD: { actions: assign({ n: ({ context }) => context.n + 1 }) } },
  }),
  { version: 1 },
)

test.for([4, 3, 7])('a realm of four partitions is restored into one of %i', async (partitions) => {
  const log = openMemoryLog({ realm: 'shop', partitions: 4, clock: systemClock })
  const archive = openMemoryArchive()
  const bus = log.connect()
  const shelf = cutShelfOf({ bus, archive })
  let id: string
  {
    await using node = await openTestNode(log.connect(), [counter], { archive })
    await using realm = openTestRealm(log.connect())
    for (let at = 0; at < 50; at++) await realm.ref(counter, String(at % 20)).send({ type: 'ADD' })
    await node.settle()
    id = (await node.cuts?.take({ name: 'first', by: 'test' }).whole)?.id ?? ''
    for (let at = 0; at < 50; at++) await realm.ref(counter, String(at)).send({ type: 'ADD' })
  }
  const view = await openCut({ shelf, archive }, id)
  const restored = await restoreCut(
    { generations: log.generations, clock: systemClock, baseOf: baseOfRows },
    view,
    { partitions },
    () => undefined,
  )
  expect(restored).toEqual({ generation: 1, partitions, actors: 20, envelopes: 0, replayed: 0 })
  await using node = await openTestNode(log.connect(), [counter], { archive })
  await using realm = openTestRealm(log.connect())
  expect(node.health().actors).toBe(20)
  for (let at = 0; at < 20; at++) {
    const shown = await realm.operate.show(`counter/${at}`)
    expect(shown?.state.snapshot.context).toEqual({ n: at < 10 ? 3 : 2 })
  }
  await realm.ref(counter, '5').send({ type: 'ADD' })
  await realm.ref(counter, '5').waitFor((s) => s.context.n === 4, { timeoutMs: 2000 })
})
