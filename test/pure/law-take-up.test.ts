/** However much is stored in a partition, taking it up holds nothing else up, and nothing happens before it is open. */
import { expect, test } from 'vitest'
import { assign, setup } from 'xstate'
import { actor } from '#protocol/actor.ts'
import { type Address, addressOf } from '#protocol/address.ts'
import { openMemoryLog } from '#runtime/memory/memory-bus.ts'
import { onTrace } from '#runtime/trace.ts'
import { openManualClock, turn } from '#test/support/manual-clock.ts'
import { openTestNode, openTestStore } from '#test/support/engine.ts'
import { openStillWorld } from '#test/support/still-world.ts'

type Ctx = { readonly rang: number }

const bells = actor(
  'bell',
  setup({ types: { context: {} as Ctx, events: {} as { type: 'WIND' } } }).createMachine({
    context: { rang: 0 },
    initial: 'still',
    states: {
      still: { on: { WIND: 'wound' } },
      wound: { after: { 1000: { target: 'still', actions: assign({ rang: ({ context }) => context.rang + 1 }) } } },
    },
  }),
)

/** How often the loop has turned. */
function countTurns() {
  let turns = 0
  let handle = setImmediate(function next() {
    turns++
    handle = setImmediate(next)
  })
  return { count: () => turns, stop: () => clearImmediate(handle) }
}

/** In each turn, how many were met. */
function mostIn(turns: readonly number[]): number {
  return Math.max(
    ...Map.groupBy(turns, (turn) => turn)
      .values()
      .map((met) => met.length),
  )
}

test('200,000 armed timers are taken up a few at a time, over all partitions together', async () => {
  const clock = openManualClock()
  const log = openMemoryLog({ realm: 'shop', partitions: 4, clock })
  const bus = log.connect()
  const store = await openTestStore(bus)
  const loop = countTurns()
  const met: number[] = []
  function* needs(partition: number): Generator<readonly [Address, { readonly due: number }]> {
    for (let at = 0; at < 50_000; at++) {
      met.push(loop.count())
      yield [addressOf('bell', `${partition}-${at}`), { due: clock.now() + 1e9 + at }]
    }
  }
  const node = await openTestNode(bus, [bells], { store: { ...store, needs }, clock })
  loop.stop()
  node.kill()
  await node.ended
  expect(met).toHaveLength(200_000)
  expect(mostIn(met)).toBeLessThanOrEqual(1000)
})

test('actors whose effects go on are loaded fewer at a time', async () => {
  const clock = openManualClock()
  const log = openMemoryLog({ realm: 'shop', partitions: 4, clock })
  const bus = log.connect()
  const store = await openTestStore(bus)
  const loop = countTurns()
  const loaded: number[] = []
  const node = await openTestNode(bus, [bells], {
    store: {
      ...store,
      *needs(partition) {
        for (let at = 0; at < 500; at++) yield [addressOf('bell', `${partition}-${at}`), { effects: true }]
      },
      read(address) {
        loaded.push(loop.count())
        return store.read(address)
      },
    },
    clock,
  })
  loop.stop()
  node.kill()
  await node.ended
  expect(loaded).toHaveLength(2000)
  expect(mostIn(loaded)).toBeLessThanOrEqual(64)
})

test('timers that came due in an absence fire a few at a time, all of them', async () => {
  await using world = await openStillWorld([bells], { partitions: 1 })
  for (let at = 0; at < 400; at++) await world.realm.send(`bell/${at}`, { type: 'WIND' })
  await world.settle()
  await world.crash()
  await world.clock.advance(60_000, turn)
  const loop = countTurns()
  const fired: number[] = []
  const hearing = onTrace((one) => {
    if (one.is === 'timer.late') fired.push(loop.count())
  })
  await world.start()
  hearing.stop()
  loop.stop()
  expect(fired).toHaveLength(400)
  expect(mostIn(fired)).toBeLessThanOrEqual(64)
  for (const key of [0, 399])
    expect((await world.state(`bell/${key}`))?.snapshot).toMatchObject({ value: 'still', context: { rang: 1 } })
})

test('nothing is stepped before all that is stored was taken up', async () => {
  const doors = (version: number) =>
    actor(
      'alcove',
      setup({ types: { events: {} as { type: 'WORD' } } }).createMachine({
        initial: 'shut',
        states: { shut: version === 1 ? {} : { on: { WORD: 'open' } }, ...(version === 1 ? {} : { open: {} }) },
      } as never),
      { version, unhandled: 'defer' },
    )
  await using world = await openStillWorld([doors(1), bells], { partitions: 1 })
  await world.send('alcove/a', { type: 'WORD' })
  for (let at = 0; at < 600; at++) await world.realm.send(`bell/${at}`, { type: 'WIND' })
  await world.settle()
  await world.crash()
  const begun = world.traces.length
  const { needs } = world.store
  let most = 0
  Object.assign(world.store, {
    *needs(partition: number) {
      let at = 0
      for (const one of needs(partition)) {
        yield one
        most = Math.max(most, ++at)
        expect(world.traces.slice(begun).map(({ is }) => is)).not.toContain('stepped')
      }
    },
  })
  await world.start([doors(2), bells])
  expect(most).toBe(601)
  expect((await world.state('alcove/a'))?.snapshot.value).toBe('open')
})
