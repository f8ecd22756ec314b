/** A node that lost a partition and stands by for it folds nothing twice. */
import { afterEach, expect, test } from 'vitest'
import { assign, setup } from 'xstate'
import { actor } from '#protocol/actor.ts'
import { addressOf } from '#protocol/address.ts'
import { Fault } from '#protocol/fault.ts'
import type { Bus } from '#runtime/bus.ts'
import { followerOf } from '#runtime/members/follower.ts'
import { openMemoryLog } from '#runtime/memory/memory-bus.ts'
import type { Node, NodeOptions } from '#runtime/node.ts'
import { onTrace, type Trace } from '#runtime/trace.ts'
import { openVirtualClock } from '#runtime/memory/virtual-clock.ts'
import { openMemoryStore } from '#store/memory-store.ts'
import { nodeOptions, openTestNode, openTestRealm } from '#test/support/engine.ts'

const lists = actor(
  'list',
  setup({
    types: { context: {} as { items: readonly string[] }, events: {} as { type: 'ADD'; item: string } },
  }).createMachine({
    id: 'list',
    context: { items: [] },
    on: { ADD: { actions: assign({ items: ({ context, event }) => [...context.items, event.item] }) } },
  }),
)

const line = (n: number): string => `${n}: long enough that the list is stored as what was added to it`

const nodes: Node[] = []
afterEach(() => {
  for (const one of nodes.splice(0)) one.kill()
})

test('what an owner committed and had not folded when it lost the partition is in its store once', async () => {
  const traces: Trace[] = []
  const hearing = onTrace((event) => traces.push(event))
  const clock = openVirtualClock({ start: Date.UTC(2026, 0, 1) })
  const log = openMemoryLog({ realm: 'shop', partitions: 1, clock })
  const members = { beatMs: 100, suspectMs: 300, deadMs: 1000 }
  let isMute = false
  const muted = (bus: Bus): Bus => ({
    ...bus,
    tell: (subject, data) => (isMute && subject.includes('.node.') ? undefined : bus.tell(subject, data)),
  })
  const join = async (bus: Bus, options: Partial<NodeOptions>): Promise<Node> => {
    const opening = openTestNode(bus, [lists], { clock, options: { ...members, ...options } })
    await clock.advance(300)
    nodes.push(await opening)
    return await opening
  }
  const owner = await join(muted(log.connect()), { name: 'a', foldMs: 400 })
  const ref = openTestRealm(log.connect(), clock).ref(lists, 'one')
  const add = async (n: number): Promise<void> => {
    void ref.send({ type: 'ADD', item: line(n) })
    await clock.advance(10)
  }
  for (let n = 0; n < 10; n++) await add(n)
  await join(log.connect(), { name: 'b', capacity: 0.001 })
  expect(owner.partitions).toHaveLength(1)
  // The others hear nothing of it and take over, while it commits and folds seldom.
  isMute = true
  let n = 10
  while (owner.partitions.length > 0 && n < 500) await add(n++)
  isMute = false
  await clock.advance(500)
  await add(n++)
  await clock.advance(3000)
  hearing.stop()
  expect(traces.filter(({ is }) => is === 'partition.lost').length).toBeGreaterThan(0)
  expect(traces.filter(({ is }) => is === 'follow.failed' || is === 'duty.failed')).toEqual([])
  const state = owner.store.read(addressOf('list', 'one'))
  expect(JSON.stringify(state).match(/\d+: long/g)).toHaveLength(n)
})

test('one whose store is closed while it opens ends without a word', async () => {
  const clock = openVirtualClock({ start: Date.UTC(2026, 0, 1) })
  const bus = openMemoryLog({ realm: 'shop', partitions: 1, clock }).connect()
  const { createdAt: log } = await bus.logState()
  const store = openMemoryStore({ identity: { realm: 'shop', generation: 0, partitions: 1, log } })
  const reading = Promise.withResolvers<never>()
  const follower = followerOf(
    { bus: { ...bus, read: () => reading.promise }, store, clock, kinds: new Map(), flush: () => Promise.resolve() },
    nodeOptions,
  )
  void follower.set(new Set([0]))
  await clock.advance(10)
  expect(follower.isOpening(0)).toBe(true)
  await store.close()
  const said: unknown[] = []
  const hear = (error: unknown): void => void said.push(error)
  process.once('unhandledRejection', hear)
  reading.reject(new Fault('bus.closed', {}))
  await clock.advance(1000)
  process.off('unhandledRejection', hear)
  expect(said).toEqual([])
  expect(follower.failures()).toEqual([])
})
