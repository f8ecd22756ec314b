import { assign, setup } from 'xstate'
import { test } from 'vitest'
import { actor } from '#protocol/actor.ts'
import { openMemoryLog } from '#runtime/memory-bus.ts'
import { openVirtualClock } from '#runtime/virtual-clock.ts'
import { openTestNode, openTestRealm } from '#test/support/engine.ts'
import { onTrace } from '#runtime/trace.ts'
test('x', async () => {
  for (const start of [0, 1000000]) {
  const t = onTrace((e) => console.log(JSON.stringify(e)))
  const kind = actor('n', setup({}).createMachine({ context: { n: 0 }, on: { ADD: { actions: assign({ n: ({ context }) => (context as { n: number }).n + 1 }) } } }))
  const clock = openVirtualClock({ start })
  const log = openMemoryLog({ realm: 'shop', partitions: 1, clock })
  const node = await openTestNode(log.connect(), [kind], { clock })
  const realm = openTestRealm(log.connect(), clock)
  await realm.ref(kind, 'a').send({ type: 'ADD' })
  await clock.advance(1000)
  console.log(start, log.entries().map((e) => e.subject), node.health(), await realm.ref(kind, 'a').read())
  t.stop()
  }
})
