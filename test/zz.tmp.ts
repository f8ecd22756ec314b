import { assign, setup, fromPromise } from 'xstate'
import { actor } from '#protocol/actor.ts'
import { openMemoryLog } from '#runtime/memory-bus.ts'
import { openVirtualClock } from '#runtime/virtual-clock.ts'
import { openTestNode, openTestRealm } from '#test/support/engine.ts'
import { onTrace } from '#runtime/trace.ts'
  const t = onTrace((e) => console.log(JSON.stringify(e)))
  const kind = actor('n', setup({actors:{w: fromPromise(async()=>5)}}).createMachine({ initial: 'a', states: {a: {invoke: {src: 'w', onDone: 'b'}}, b: {type:'final'}}, output: () => 7 }))
  const clock = openVirtualClock({ start: 1e12 })
  const log = openMemoryLog({ realm: 'shop', partitions: 1, clock })
  const node = await openTestNode(log.connect(), [kind], { clock })
  const realm = openTestRealm(log.connect(), clock)
  await realm.ref(kind, 'a').send({ type: 'ADD' })
  await clock.advance(1000)
  console.log(log.entries().map((e) => e.subject), node.health(), await realm.ref(kind, 'a').read())
