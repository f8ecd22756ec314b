/** New kinds and new versions of kinds arrive on a running realm, with old and new nodes side by side. */
import { afterEach, expect, test } from 'vitest'
import type { ActorState } from '#protocol/state.ts'
import { movedOf } from '#runtime/core/requirements.ts'
import { counter } from '#test/support/rollout-kinds.ts'
import { openRolloutWorld, partitions } from '#test/support/rollout-world.ts'

let world: ReturnType<typeof openRolloutWorld>
const open = (): typeof world => (world = openRolloutWorld())
afterEach(() => world.end())

const v1 = counter('order', 1)
const v2 = counter('order', 2)

const renamed =
  (from: string, to: string) =>
  (state: ActorState): ActorState => {
    const { [from]: moved, ...rest } = state.snapshot.context as Record<string, unknown>
    return { ...state, snapshot: { ...state.snapshot, context: { ...rest, [to]: moved } } }
  }
/** Version 2 spells what it remembers otherwise; without its step down the old one cannot read it. */
const oneWay = counter('order', 2, { 1: renamed('by', 'stepper') })
const bothWays = counter('order', 2, { 1: { up: renamed('by', 'stepper'), down: renamed('stepper', 'by') } })

const moved = (share: number): (number | undefined)[] => {
  const set = movedOf('order', share, partitions)
  return Array.from({ length: partitions }, (_, partition) => (set.has(partition) ? 2 : 1))
}

test('a stated share moves exactly that share of the partitions, and nothing else moves it [C18]', async () => {
  open()
  await world.join('a', [v1])
  await world.join('b', [v1])
  await world.add('order')
  await world.join('c', [v2], { rolloutShare: 0.25 })
  await world.pass(2000)
  expect(world.versions('order')).toEqual(moved(0.25))
  await world.add('order')
  await world.join('d', [v2])
  await world.pass(2000)
  expect(world.versions('order')).toEqual(moved(0.25))
  await world.advance('order', 0.5)
  await world.pass(2000)
  expect(world.versions('order')).toEqual(moved(0.5))
  await expect(world.advance('order', 0.25)).rejects.toMatchObject({ code: 'rollout.falling' })
  await world.advance('order', 1)
  await world.pass(2000)
  expect(world.versions('order')).toEqual(moved(1))
  await world.add('order')
  expect(await world.wrong()).toEqual([])
  expect(world.parked()).toEqual([])
  expect(world.longestMs).toBeLessThanOrEqual(500)
})

test('without a stated share a version follows the nodes that carry it, up and never down [C28]', async () => {
  open()
  const a = await world.join('a', [v1])
  await world.join('b', [v1])
  await world.add('order')
  const c = await world.join('c', [v2])
  await world.pass(2000)
  expect((await world.entry('order')).rollout).toMatchObject({ from: 1, to: 2, share: 1 / 3, state: 'auto' })
  expect(world.versions('order')).toEqual(moved(1 / 3))
  const d = await world.join('d', [v2])
  await world.pass(2000)
  expect(world.versions('order')).toEqual(moved(1 / 2))
  await world.add('order')
  await world.kill(d)
  await world.pass(3000)
  expect((await world.entry('order')).rollout?.share).toBe(1 / 2)
  expect(world.versions('order')).toEqual(moved(1 / 2))
  const stopping = [a, ...world.all.filter(({ node }) => node.name === 'b')].map(({ node }) => node.stop())
  await world.pass(2500)
  await Promise.all(stopping)
  world.all.splice(0, world.all.length, c)
  await world.pass(1000)
  expect(world.versions('order')).toEqual(moved(1))
  await world.add('order')
  expect(await world.wrong()).toEqual([])
  expect(world.parked()).toEqual([])
})

test('what fits both ways is undone at once; new nodes do not raise it again before somebody says so [C18]', async () => {
  open()
  await world.join('a', [v1])
  await world.add('order')
  await world.join('b', [v2])
  await world.pass(2000)
  await world.add('order')
  expect(world.versions('order')).toEqual(moved(0.5))
  await world.undo('order')
  await world.pass(2000)
  expect(world.versions('order')).toEqual(moved(0))
  await world.add('order')
  await world.join('c', [v2])
  await world.pass(2000)
  expect(world.versions('order')).toEqual(moved(0))
  await world.advance('order', 'auto')
  await world.pass(2000)
  expect(world.versions('order')).toEqual(moved(2 / 3))
  await world.add('order')
  expect(await world.wrong()).toEqual([])
  expect(world.parked()).toEqual([])
  expect(world.longestMs).toBeLessThanOrEqual(500)
})

test('with a step down every state is taken back by the node that has it, under load, before the old one serves it', async () => {
  open()
  await world.join('a', [v1])
  await world.add('order', 100)
  await world.join('b', [bothWays], { rolloutShare: 0.5 })
  await world.pass(2000)
  await world.add('order', 100)
  expect(world.versions('order')).toEqual(moved(0.5))
  await world.undo('order')
  // Something comes in every millisecond, so that states rise again while they are taken back.
  for (let ms = 0; ms < 1500; ms++) {
    world.send(`order/c${(ms * 7) % 100}`)
    await world.clock.advance(1)
  }
  await world.pass(2000)
  expect((await world.entry('order')).rollout).toMatchObject({ state: 'held', share: 0 })
  expect(world.versions('order')).toEqual(moved(0))
  await world.add('order', 100)
  expect(await world.wrong()).toEqual([])
  expect(await world.state('order/c1')).toMatchObject({ by: 'v1', version: 1 })
  expect(world.parked()).toEqual([])
  expect(world.longestMs).toBeLessThanOrEqual(500)
})

test('what has no way back is refused beforehand, with what stands in the way, and goes on as it is', async () => {
  open()
  await world.join('a', [v1])
  await world.join('b', [oneWay], { rolloutShare: 0.5 })
  await world.pass(2000)
  await world.add('order')
  await expect(world.undo('order')).rejects.toMatchObject({
    code: 'rollout.oneWay',
    message: expect.stringContaining('no step down to version 1'),
  })
  await world.add('order')
  expect(world.versions('order')).toEqual(moved(0.5))
  expect(await world.wrong()).toEqual([])
})

test('the node that takes states back dies in the middle, and another goes on', async () => {
  open()
  await world.join('a', [v1])
  const b = await world.join('b', [bothWays], { rolloutShare: 0.5 })
  await world.join('c', [bothWays])
  await world.pass(2000)
  await world.add('order', 100)
  await world.undo('order')
  await world.pass(20)
  await world.kill(b)
  await world.pass(5000)
  expect((await world.entry('order')).rollout).toMatchObject({ state: 'held', share: 0 })
  expect(world.versions('order')).toEqual(moved(0))
  await world.add('order', 100)
  expect(await world.wrong()).toEqual([])
  expect(world.parked()).toEqual([])
})

test('a machine type deployed on a running realm receives work within 2 s, and nothing of it is parked [NM1]', async () => {
  open()
  await world.join('a', [v1])
  await world.join('b', [v1])
  await world.add('order')
  await world.pass(1000)
  const begun = world.clock.now()
  await world.join('c', [v1, counter('lamp', 1)])
  for (let at = 0; at < 24; at++) world.send(`lamp/c${at}`)
  await world.add('order')
  const served = (): number =>
    world.traces.filter((one) => one.is === 'stepped' && one.address.startsWith('lamp/')).length
  while (served() < 24 && world.clock.now() < begun + 5000) await world.pass(10)
  expect(world.clock.now() - begun).toBeLessThanOrEqual(2000)
  for (let round = 0; round < 10; round++) {
    await world.add('lamp')
    await world.add('order')
  }
  await world.pass(2000)
  expect(await world.wrong()).toEqual([])
  expect(world.parked()).toEqual([])
})

test('a node that carries nothing but a new kind takes nothing away from what was there before', async () => {
  open()
  await world.join('a', [v1])
  await world.add('order')
  await world.join('b', [counter('lamp', 1)])
  await world.pass(1000)
  for (let at = 0; at < 24; at++) world.realm.send(`lamp/c${at}`, { type: 'ADD', n: 0 }).catch(() => undefined)
  for (let round = 0; round < 5; round++) await world.add('order')
  expect(await world.wrong()).toEqual([])
  const parked = world.parked()
  expect(parked.length).toBeGreaterThan(0)
  expect(parked.every((one) => one.startsWith('lamp/') && one.endsWith(' kind.apart'))).toBe(true)
  await world.join('c', [v1, counter('lamp', 1)])
  await world.pass(1000)
  await world.add('lamp')
  await world.add('order')
  await world.pass(2000)
  expect(world.parked()).toEqual(parked)
})

test('a partition with a kind that nobody carries any more waits, with the reason, and goes on when somebody does', async () => {
  open()
  await world.join('a', [v1, counter('lamp', 1)])
  await world.add('lamp')
  await world.add('order')
  const b = await world.join('b', [v1])
  await world.pass(2000)
  const a = world.all[0]
  if (a === undefined) throw new Error('a is there')
  await world.kill(a)
  await world.pass(3000)
  await world.add('lamp')
  await world.pass(3000)
  expect(world.traces).toContainEqual(
    expect.objectContaining({ is: 'partitions.wait', reason: expect.stringContaining('lamp') }),
  )
  await world.join('c', [v1, counter('lamp', 1)])
  await world.pass(3000)
  await world.add('lamp')
  await world.add('order')
  expect(b.node.partitions.length).toBeGreaterThanOrEqual(0)
  expect(await world.wrong()).toEqual([])
  expect(world.parked()).toEqual([])
})

test('two rollouts at once, of kinds that send to each other, and a node that dies meanwhile', async () => {
  open()
  const pair = (order: number, stock: number) => [counter('order', order), counter('stock', stock)]
  await world.join('a', pair(1, 1))
  await world.join('b', pair(1, 1))
  await world.add('order')
  await world.add('stock')
  await world.join('c', pair(2, 1))
  await world.join('d', pair(1, 2))
  await world.join('e', pair(2, 2))
  for (let round = 0; round < 20; round++) {
    await world.addVia('order', 'stock')
    await world.add('stock')
  }
  await world.kill(world.all[2] ?? never())
  for (let round = 0; round < 20; round++) {
    await world.add('order')
    await world.addVia('order', 'stock')
  }
  await world.advance('order', 1)
  await world.advance('stock', 1)
  await world.pass(4000)
  expect(world.versions('order')).toEqual(moved(1))
  expect(world.versions('stock')).toEqual(moved(1))
  await world.add('order')
  await world.add('stock')
  expect(await world.wrong()).toEqual([])
  expect(world.parked()).toEqual([])
})

function never(): never {
  throw new Error('there is such a node')
}
