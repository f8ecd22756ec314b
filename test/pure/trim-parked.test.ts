/** What is parked is kept for long, not for ever, and what goes is counted. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { parkedTrimmerOf } from '#runtime/trimming/trim-parked.ts'
import { type NodeRealm, openNodeRealm } from '#test/support/node-realm.ts'

/** Days would be as many beats of a node; a second does as well. */
const longMs = 1000
const limits = { parkedKeepMs: 30 * longMs, parkedBytes: 1e9 }

let world: NodeRealm
beforeEach(() => {
  world = openNodeRealm()
})
afterEach(() => world.close())

const parkedNow = (): number => world.log.entries().filter(({ subject }) => subject.startsWith('shop.parked.')).length

/** Each is something that no node can read. */
async function park(count: number, bytes = 10): Promise<void> {
  for (let at = 0; at < count; at++)
    world.log.publish(`shop.to.counter.c${at}`, new TextEncoder().encode('\u0001'.repeat(bytes)))
  await world.clock.advance(1000)
}

test('what nobody replays or drops goes after its time, and a trace says how many', async () => {
  const { bus } = await world.join('a', { beatMs: 0 })
  const trim = parkedTrimmerOf({ bus, clock: world.clock }, limits)
  await park(3)
  await world.clock.advance(10 * longMs)
  await park(2)
  expect(parkedNow()).toBe(5)
  await world.clock.advance(15 * longMs)
  expect(await settled(trim())).toBe(0)
  await world.clock.advance(10 * longMs)
  expect(await settled(trim())).toBe(3)
  expect(parkedNow()).toBe(2)
  expect(world.traced('parked.expired')).toMatchObject([{ removed: 3, because: 'age' }])
})

test('past its share of the disk the oldest go, and what was dropped by hand counts no more', async () => {
  const { bus } = await world.join('a', { beatMs: 0 })
  await park(10, 1000)
  const all = world.log.entries().filter(({ subject }) => subject.startsWith('shop.parked.'))
  const bytes = all.reduce((sum, { data }) => sum + data.length, 0)
  const trim = parkedTrimmerOf({ bus, clock: world.clock }, { ...limits, parkedBytes: bytes })
  expect(await settled(trim())).toBe(0)
  for (const { seq } of all.slice(4, 6)) await settled(bus.removeEntry(seq))
  await park(2, 1000)
  expect(await settled(trim())).toBe(0)
  await park(1, 1000)
  expect(await settled(trim())).toBe(1)
  expect(world.log.entries().some(({ seq }) => seq === all[0]?.seq)).toBe(false)
  expect(world.traced('parked.expired')).toMatchObject([{ removed: 1, because: 'bytes' }])
})

async function settled<T>(work: Promise<T>): Promise<T> {
  const [value] = await Promise.all([work, world.clock.advance(1)])
  return value
}
