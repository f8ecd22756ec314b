/** Cuts over the memory bus: taken while the realm runs, whole or not at all, and consistent. */
import { expect, test } from 'vitest'
import { setup, assign, sendTo } from 'xstate'
import { actor } from '#protocol/actor.ts'
import { decodeState } from '#protocol/state.ts'
import { openVirtualClock } from '#runtime/memory/virtual-clock.ts'
import { openMemoryLog } from '#runtime/memory/memory-bus.ts'
import { cutShelfOf } from '#runtime/cuts/cut-shelf.ts'
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

test('a cut holds the states of its instant, and the next one only what changed', async () => {
  const clock = openVirtualClock({ start: 1_000_000, progress: () => 0 })
  void clock
  const { systemClock } = await import('#runtime/clock.ts')
  const log = openMemoryLog({ realm: 'shop', partitions: 4, clock: systemClock })
  const archive = openMemoryArchive()
  await using node = await openTestNode(log.connect(), [counter], { archive })
  await using realm = openTestRealm(log.connect())
  for (let at = 0; at < 50; at++) await realm.ref(counter, String(at)).send({ type: 'ADD' })
  await node.settle()
  const first = await node.cuts?.take({ name: 'first', by: 'test' }).whole
  await realm.ref(counter, '7').send({ type: 'ADD' })
  await node.settle()
  const second = await node.cuts?.take({ name: 'second', by: 'test' }).whole
  console.log(first, second)
  const shelf = cutShelfOf({ bus: log.connect(), archive })
  for (const p of [0, 1, 2, 3]) console.dir(await shelf.slice(second!.id, p), { depth: 6 })
  void decodeState
  void sendTo
  expect(first?.slices.reduce((s, x) => s + x.actors, 0)).toBe(50)
})
