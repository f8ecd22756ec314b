/** A node that is cut off lets go by itself, and one that only waits for a leader does not. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { isCutOff } from '#runtime/core/isolation.ts'
import type { MemoryOp } from '#runtime/memory/memory-bus.ts'
import { type NodeRealm, openNodeRealm } from '#test/support/node-realm.ts'

const limits = { isolationMs: 2500, isolationMostMs: 15_000 }

describe('who hears nothing', () => {
  test.each([
    ['has heard both a moment ago', { logMs: 300, othersMs: 100, hadCompany: true }, false],
    ['has heard the log a moment ago', { logMs: 300, othersMs: 60_000, hadCompany: true }, false],
    ['is alone and waits', { logMs: 60_000, othersMs: 60_000, hadCompany: false }, false],
    ['hears neither', { logMs: 2500, othersMs: 2500, hadCompany: true }, true],
    ['hears others while a leader is elected', { logMs: 9000, othersMs: 200, hadCompany: true }, false],
    ['hears others, but the log for far too long not', { logMs: 15_000, othersMs: 200, hadCompany: true }, true],
  ])('%s', (_, silence, expected) => {
    expect(isCutOff(silence, limits)).toBe(expected)
  })
})

describe('a node of several', () => {
  let world: NodeRealm
  beforeEach(() => {
    world = openNodeRealm()
  })
  afterEach(() => world.close())

  test('that is cut off lets go within 3 s, and takes its share again when it is heard [N6]', async () => {
    const a = await world.join('a')
    await world.join('b')
    await world.clock.advance(3000)
    await world.add()
    const cutAt = world.clock.now()
    a.bus.disconnect()
    expect(await world.clock.advanceUntil(() => a.node.partitions.length === 0, 60_000)).toBe(true)
    expect(world.clock.now() - cutAt).toBeGreaterThanOrEqual(2000)
    expect(world.clock.now() - cutAt).toBeLessThanOrEqual(3000)
    expect(a.node.health().ready).toBe(false)
    expect(world.traced('node.isolated')).toMatchObject([{ node: 'a' }])
    await world.add()
    a.bus.reconnect()
    await world.clock.advance(5000)
    expect(world.traced('node.heard')).toHaveLength(1)
    expect(world.owners().every((names) => names.length === 1)).toBe(true)
    expect(a.node.partitions).toHaveLength(4)
    expect(a.node.health().ready).toBe(true)
    await world.add()
    expect(await world.counts()).toEqual(Array.from({ length: 20 }, () => 3))
  })

  test('that is alone waits for its log, however long', async () => {
    const a = await world.join('a')
    await world.add()
    a.bus.disconnect()
    await world.clock.advance(60_000)
    expect(a.node.partitions).toHaveLength(8)
    a.bus.reconnect()
    await world.clock.advance(3000)
    await world.add()
    expect(await world.counts()).toEqual(Array.from({ length: 20 }, () => 2))
    expect(world.traced('node.isolated')).toEqual([])
  })

  test('waits for a leader of the log while it hears the others, for 15 s at most', async () => {
    const [a, b] = [await world.join('a'), await world.join('b')]
    await world.clock.advance(3000)
    const noLeader = (op: MemoryOp) => (op.is === 'append' || op.is === 'call' ? 'lose' : 'ok')
    for (const { bus } of [a, b]) bus.disturb(noLeader)
    await world.clock.advance(9000)
    expect(world.owners().every((names) => names.length === 1)).toBe(true)
    await world.clock.advance(6500)
    expect(world.owners().every((names) => names.length === 0)).toBe(true)
    for (const { bus } of [a, b]) bus.disturb(undefined)
    await world.clock.advance(5000)
    expect(world.owners().every((names) => names.length === 1)).toBe(true)
    await world.add()
    expect(await world.counts()).toEqual(Array.from({ length: 20 }, () => 1))
  })

  test('that owns nothing because others own everything is ready', async () => {
    await world.join('a')
    const looker = await world.join('looker', { capacity: 0 })
    await world.clock.advance(1000)
    expect(looker.node.health()).toMatchObject({ ready: true, partitions: 0 })
  })
})
