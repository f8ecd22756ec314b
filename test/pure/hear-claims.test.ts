/** An owner at rest hears of a claim and lets go, without any envelope; nothing else makes it let go. */
import { expect, test } from 'vitest'
import { createMachine } from 'xstate'
import { actor } from '#protocol/actor.ts'
import { encodeRecord } from '#protocol/record.ts'
import { subjects } from '#protocol/subject.ts'
import { claimPartition } from '#runtime/partition/claim.ts'
import { onTrace, type Trace } from '#runtime/trace.ts'
import { type MemoryConnection, openMemoryLog } from '#runtime/memory/memory-bus.ts'
import type { NodeOptions } from '#runtime/node.ts'
import { openTestNode, openTestRealm } from '#test/support/engine.ts'
import { openManualClock, turn } from '#test/support/manual-clock.ts'

const resting = actor('resting', createMachine({ on: { WAKE: {} } }))

async function openWorld(options: Partial<NodeOptions> = {}) {
  const clock = openManualClock()
  const log = openMemoryLog({ realm: 'shop', partitions: 4, clock })
  const bus = log.connect()
  let looks = 0
  const counted: MemoryConnection = {
    ...bus,
    next(subject, from) {
      looks++
      return bus.next(subject, from)
    },
  }
  const node = await openTestNode(counted, [resting], { clock, options })
  const lost: Trace[] = []
  const hearing = onTrace((one) => void (one.is === 'partition.lost' && lost.push(one)))
  await turn()
  return {
    clock,
    log,
    bus,
    node,
    lost,
    looks: () => looks,
    async [Symbol.asyncDispose]() {
      hearing.stop()
      node.kill()
      await node.ended
    },
  }
}

test('the first of two nodes lets go of all it had when the second claims, and ends', async () => {
  await using world = await openWorld()
  const second = await openTestNode(world.log.connect(), [resting], { clock: world.clock })
  await turn()
  expect(world.lost).toHaveLength(4)
  expect(world.node.health()).toMatchObject({ ready: false, owned: [] })
  expect(await world.node.ended).toMatchObject({ code: 'partition.lost' })
  expect(second.health().owned).toEqual([0, 1, 2, 3])
  second.kill()
  await second.ended
})

test('of one partition that is claimed it lets go, and goes on with the others', async () => {
  await using world = await openWorld()
  const other = world.log.connect()
  await claimPartition({ bus: other, clock: world.clock }, 2, 'other')
  await turn()
  expect(world.lost).toMatchObject([{ partition: 2, fault: { code: 'partition.lost' } }])
  expect(world.node.health()).toMatchObject({ ready: true, owned: [0, 1, 3] })
})

test('a claim that nobody told of is found by looking, within one look', async () => {
  await using world = await openWorld({ claimLookMs: 2000 })
  const other = world.log.connect()
  await claimPartition({ bus: { ...other, tell: () => undefined }, clock: world.clock }, 1, 'other')
  await world.clock.advance(1999)
  expect(world.lost).toEqual([])
  await world.clock.advance(1)
  await turn()
  expect(world.node.health().owned).toEqual([0, 2, 3])
})

test('a claim that was made while it was cut off is found when it is back', async () => {
  await using world = await openWorld({ claimLookMs: 600_000 })
  world.bus.disconnect()
  await claimPartition({ bus: world.log.connect(), clock: world.clock }, 0, 'other')
  world.bus.reconnect()
  await turn()
  await turn()
  expect(world.node.health().owned).toEqual([1, 2, 3])
})

test('what is only told, or was refused, ends no ownership', async () => {
  await using world = await openWorld()
  const other = world.log.connect()
  for (const partition of [0, 1, 2, 3]) other.tell(subjects.claimed(other.realm, partition), new Uint8Array())
  const claim = {
    is: 'claim',
    generation: 0,
    partition: 1,
    epoch: 9,
    previous: 0,
    nonce: 'n',
    node: 'other',
    at: 0,
  } as const
  const refused = other.append({
    subject: subjects.commit(other.realm, 1),
    data: encodeRecord(claim),
    check: { seq: 77 },
  })
  await expect(refused).rejects.toMatchObject({ code: 'bus.conflict' })
  await world.clock.advance(10_000)
  expect([world.lost, world.node.health().owned]).toEqual([[], [0, 1, 2, 3]])
})

test('a partition that commits asks nothing of the log, for its commits are checked', async () => {
  await using world = await openWorld({ claimLookMs: 1000 })
  await using realm = openTestRealm(world.log.connect(), world.clock)
  await world.clock.advance(1000)
  const before = world.looks()
  expect(before).toBe(4)
  // One of the four is busy between this look and the next.
  await realm.ref(resting, 'a').send({ type: 'WAKE' })
  await world.clock.advance(1000)
  expect(world.looks()).toBe(before + 3)
})
