/** Trimming: what is purged is in a base, and what is needed is never purged. */
import { assign, setup } from 'xstate'
import { expect, test } from 'vitest'
import { actor } from '#protocol/actor.ts'
import { Fault } from '#protocol/fault.ts'
import type { Bus } from '#runtime/bus.ts'
import { systemClock } from '#runtime/clock.ts'
import { beginning } from '#runtime/core/position.ts'
import { openMemoryLog } from '#runtime/memory/memory-bus.ts'
import type { Node } from '#runtime/node.ts'
import { onTrace, type Trace } from '#runtime/trace.ts'
import { openTrimmer } from '#runtime/trimming/trim.ts'
import { nodeOptions, openTestNode, openTestRealm, openTestStore } from '#test/support/engine.ts'
import { openManualClock } from '#test/support/manual-clock.ts'

const counters = actor(
  'counter',
  setup({
    types: { context: {} as { count: number }, events: {} as { type: 'ADD' } },
  }).createMachine({
    id: 'counter',
    context: { count: 0 },
    on: { ADD: { actions: assign({ count: ({ context }) => context.count + 1 }) } },
  }),
)

function trimmerOf(node: Node, bus: Bus) {
  return openTrimmer(
    {
      bus,
      store: node.store,
      clock: systemClock,
      positions: () => node.partitions.map((one) => one.position),
      others: () => [],
      isHeld: () => false,
    },
    { ...nodeOptions, trimEveryMs: 3_600_000, retryMs: 10, historyMs: -1000, historyBytes: 1_000_000_000 },
  )
}

test('a store that is lost after the log was trimmed is rebuilt from bases and the rest of the log', async () => {
  const log = openMemoryLog({ realm: 'shop', partitions: 4, clock: systemClock })
  const bus = log.connect()
  const node = await openTestNode(bus, [counters])
  await using realm = openTestRealm(log.connect())
  const keys = ['a', 'b', 'c', 'd', 'e', 'f']
  for (let i = 0; i < 60; i++) await realm.ref(counters, keys[i % keys.length]!).send({ type: 'ADD' })
  for (const key of keys)
    await realm.ref(counters, key).waitFor(({ context }) => context.count === 10, { timeoutMs: 5000 })
  await node.settle()

  const before = log.entries().length
  const removed = await trimmerOf(node, bus).trim()
  expect(removed).toBeGreaterThan(before / 2)
  expect(log.entries().length).toBeLessThan(before / 2)

  for (const key of keys) await realm.ref(counters, key).send({ type: 'ADD' })
  for (const key of keys)
    await realm.ref(counters, key).waitFor(({ context }) => context.count === 11, { timeoutMs: 5000 })
  await node.stop()

  // A new machine: nothing of the old store is there.
  const again = log.connect()
  await using _ = await openTestNode(again, [counters], { store: await openTestStore(again) })
  for (const key of keys) {
    await realm.ref(counters, key).send({ type: 'ADD' })
    const seen = await realm.ref(counters, key).waitFor(({ context }) => context.count >= 12, { timeoutMs: 5000 })
    expect(seen.context.count).toBe(12)
  }
})

test('what is not folded or consumed is not purged, nor the last of a partition [U20]', async () => {
  const log = openMemoryLog({ realm: 'shop', partitions: 2, clock: systemClock })
  const bus = log.connect()
  const node = await openTestNode(bus, [counters])
  await using realm = openTestRealm(log.connect())
  for (let i = 0; i < 20; i++) await realm.ref(counters, `k${i}`).send({ type: 'ADD' })
  await realm.ref(counters, 'k19').waitFor(({ context }) => context.count === 1, { timeoutMs: 5000 })
  await node.settle()
  await node.stop()
  // Sent while nobody runs: not consumed.
  await realm.ref(counters, 'late').send({ type: 'ADD' })
  await trimmerOf(node, bus).trim()
  const subjects = log.entries().map((entry) => entry.subject)
  expect(subjects.some((subject) => subject.endsWith('.counter.late'))).toBe(true)
  expect(subjects.filter((subject) => subject.includes('.commit.'))).toHaveLength(2)
})

test('a round that fails leaves a trace with its fault, and is tried again sooner, with pauses that grow', async () => {
  const clock = openManualClock()
  const log = openMemoryLog({ realm: 'shop', partitions: 2, clock })
  const bus = log.connect()
  let works = false
  let rounds = 0
  const trimmer = openTrimmer(
    {
      bus: {
        ...bus,
        async logState() {
          rounds++
          if (!works) throw new Fault('bus.timeout', { ms: 1 })
          return await bus.logState()
        },
      },
      store: await openTestStore(bus),
      clock,
      positions: () => [beginning(0)],
      others: () => [],
      isHeld: () => false,
    },
    { ...nodeOptions, trimEveryMs: 100, retryMs: 10, historyMs: 0, historyBytes: 1e9 },
  )
  const failed: Trace[] = []
  const hearing = onTrace((one) => void (one.is === 'trim.failed' && failed.push(one)))
  trimmer.start()
  await clock.advance(100 + 20 + 40 + 80 + 100)
  const told = (failures: number, retryMs: number) => ({ fault: { code: 'bus.timeout' }, failures, retryMs })
  expect(failed).toMatchObject([told(1, 20), told(2, 40), told(3, 80), told(4, 100), told(5, 100)])
  works = true
  await clock.advance(100)
  works = false
  await clock.advance(99)
  expect([rounds, failed.length]).toEqual([6, 5])
  await clock.advance(1)
  expect(failed.slice(5)).toMatchObject([told(1, 20)])
  await trimmer.stop()
  hearing.stop()
})
