import { assign, enqueueActions, setup } from 'xstate'
import { expect, test } from 'vitest'
import { actor } from '#protocol/actor.ts'
import { tell } from '#runtime/core/actions.ts'
import { openMemoryLog } from '#runtime/memory/memory-bus.ts'
import { openVirtualClock } from '#runtime/memory/virtual-clock.ts'
import { openMemoryDisk } from '#store/memory-store.ts'
import { nodeOptions, openTestNode, openTestRealm } from '#test/support/engine.ts'
import { startProcess } from '#test/support/sim/process.ts'

const list = actor(
  'list',
  setup({ types: { context: {} as { got: number[] }, events: {} as { type: 'PUT'; n: number } } }).createMachine({
    context: { got: [] },
    on: { PUT: { actions: assign({ got: ({ context, event }) => [...context.got, event.n] }) } },
  }),
)

const flood = actor(
  'flood',
  setup({ types: { context: {} as { n: number }, events: {} as { type: 'GO'; count: number } } }).createMachine({
    context: { n: 0 },
    initial: 'on',
    states: {
      on: {
        on: {
          GO: {
            actions: enqueueActions(({ context, event, enqueue }) => {
              for (let at = 1; at <= event.count; at++) enqueue(tell('list/all', { type: 'PUT', n: context.n + at }))
              enqueue.assign({ n: context.n + event.count })
            }),
          },
        },
        after: { 1000: { target: 'late', actions: tell('list/all', { type: 'PUT', n: 0 }) } },
      },
      late: { on: { GO: { actions: tell('list/all', { type: 'PUT', n: -1 }) } } },
    },
  }),
)

/** Room for eleven outputs beside a record. */
const options = { ...nodeOptions, entriesMost: 110, cheapMost: 0 }

test('what did not fit into a batch leaves in order, before a timer that is due and before the next event, also after a crash', async () => {
  // Dies at each of the first operations after the flood began, so that every part is once the last.
  for (let part = 1; part <= 8; part++) {
    const clock = openVirtualClock({ start: 1e12, progress: () => `${first.operations} ${second?.operations}` })
    const log = openMemoryLog({ realm: 'shop', partitions: 1, clock })
    const world = { log, clock, disk: openMemoryDisk(), kinds: [list, flood], options }
    // Both are given by what the first process tells before it is over.
    /* oxlint-disable prefer-const */
    let second: ReturnType<typeof startProcess> | undefined
    let begun: number | undefined
    /* oxlint-enable prefer-const */
    const first = startProcess({
      ...world,
      dies: (operation) => (begun !== undefined && operation === begun + part ? 'after' : undefined),
    })
    await clock.runUntilIdle()
    const realm = openTestRealm(log.connect(), clock)
    begun = first.operations
    await realm.ref(flood, 'f').send({ type: 'GO', count: 50 })
    await clock.runUntilIdle()
    first.crash('stored')
    await realm.ref(flood, 'f').send({ type: 'GO', count: 5 })
    await clock.advance(5000)
    second = startProcess(world)
    await clock.advance(5000)
    const got = (await realm.ref(list, 'all').read())?.context.got ?? []
    expect(got.filter((n) => n > 0).slice(0, 50), `part ${part}`).toEqual(Array.from({ length: 50 }, (_, at) => at + 1))
    expect(got.indexOf(0), `part ${part}`).toBeGreaterThanOrEqual(50)
  }
})

test('one event too large among many is refused before any of them leaves', async () => {
  const big = actor(
    'big',
    setup({ types: { events: {} as { type: 'GO' } } }).createMachine({
      context: {},
      on: {
        GO: {
          actions: enqueueActions(({ enqueue }) => {
            for (let n = 1; n <= 40; n++)
              enqueue(tell('list/all', { type: 'PUT', n, text: n === 40 ? 'x'.repeat(600_000) : '' }))
          }),
        },
      },
    }),
  )
  const clock = openVirtualClock({ start: 1e12 })
  const log = openMemoryLog({ realm: 'shop', partitions: 1, clock })
  await openTestNode(log.connect(), [list, big], { clock, options })
  const realm = openTestRealm(log.connect(), clock)
  await realm.ref(big, 'b').send({ type: 'GO' })
  await clock.advance(1000)
  expect(await realm.parked.list()).toMatchObject([{ fault: { code: 'event.tooBig' } }])
  expect(await realm.ref(list, 'all').read()).toBeUndefined()
})

test('a step that weighs more than a small batch is committed all the same', async () => {
  const clock = openVirtualClock({ start: 1e12 })
  const log = openMemoryLog({ realm: 'shop', partitions: 1, clock })
  await openTestNode(log.connect(), [list], { clock, options })
  const realm = openTestRealm(log.connect(), clock)
  // An envelope that is parked counts as many entries, because its payload may be cut into them.
  await realm.send('nobody/a', { type: 'LOST' })
  await realm.ref(list, 'all').send({ type: 'PUT', n: 1 })
  await clock.advance(1000)
  expect(await realm.parked.list()).toMatchObject([{ fault: { code: 'kind.unknown' } }])
  expect((await realm.ref(list, 'all').read())?.context.got).toEqual([1])
})
