/** What a run on a carrier is told, says, fails with and waits for, as if it ran where its actor is. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { failGate, notes, openGate, resetGates } from '#test/support/gates.ts'
import { onGpu, openLabelledWorld, type LabelledWorld, type Policies } from '#test/support/labelled-world.ts'

const worlds: LabelledWorld[] = []

function openWorld(effects?: Policies): LabelledWorld {
  const world = openLabelledWorld(effects)
  worlds.push(world)
  return world
}

const working = (policy: Policies['work']): Policies => ({ ...onGpu, work: { label: 'gpu', ...policy } })

beforeEach(resetGates)
afterEach(() => {
  for (const world of worlds.splice(0)) world.close()
  resetGates()
})

test('attempts that fail on the carrier are counted by the owner, and one error is heard', async () => {
  const world = openWorld(working({ attempts: 3, backoffMs: 1000 }))
  await world.join('a')
  await world.carrier('b')
  failGate('it@b', Object.assign(new Error('busy'), { code: 'EBUSY' }))
  await world.send('it', { type: 'WORK' })
  expect(notes()).toHaveLength(1)
  expect(await world.pending()).toMatchObject([{ attempt: 2, begun: 1, lastError: { message: 'busy' } }])
  await world.clock.advance(1000)
  expect(notes()).toHaveLength(2)
  await world.clock.advance(2000)
  expect(notes()).toHaveLength(3)
  expect(await world.got()).toEqual(['EBUSY'])
  expect(world.traced('effect.begun').map(({ attempt }) => attempt)).toEqual([1, 2, 3])
  await world.clock.advance(10_000)
  expect([notes().length, await world.got()]).toEqual([3, ['EBUSY']])
})

test('an attempt that fails while its owner dies is one attempt, and the new owner makes the next', async () => {
  const world = openWorld(working({ attempts: 2, backoffMs: 10 }))
  const a = await world.join('a')
  await world.carrier('b')
  await world.send('it', { type: 'WORK' })
  await world.join('c')
  await world.kill(a)
  failGate('it@b', Object.assign(new Error('busy'), { code: 'EBUSY' }))
  await world.clock.advance(5000)
  expect(notes()).toEqual(['b begun it', 'b begun it'])
  expect(await world.got()).toEqual(['EBUSY'])
})

test('a callback on a carrier hears what it is told in order, and what it says back counts once', async () => {
  const world = openWorld()
  const a = await world.join('a')
  await world.carrier('b')
  await world.send('it', { type: 'LISTEN' })
  for (const word of ['one', 'two', 'three']) await world.send('it', { type: 'SAY', word })
  expect(await world.got()).toEqual(['b heard one', 'b heard two', 'b heard three'])
  await world.join('c')
  await world.kill(a)
  await world.clock.advance(3000)
  await world.send('it', { type: 'SAY', word: 'four' })
  expect(await world.got()).toEqual(['b heard one', 'b heard two', 'b heard three', 'b heard four'])
  await world.send('it', { type: 'LEAVE' })
  expect(notes()).toEqual(['b listens', 'b listens no more'])
})

test('what a callback says on the next carrier is not taken for a copy of what the last one said', async () => {
  const world = openWorld()
  await world.join('a')
  const b = await world.carrier('b')
  await world.send('it', { type: 'LISTEN' })
  await world.send('it', { type: 'SAY', word: 'one' })
  await world.kill(b)
  await world.carrier('c')
  await world.clock.advance(3000)
  await world.send('it', { type: 'SAY', word: 'two' })
  expect(await world.got()).toEqual(['b heard one', 'c heard two'])
})

test('a named action with a label runs there, is done once, and is not missed afterwards', async () => {
  const world = openWorld({ ...onGpu, print: { label: 'gpu', deadlineMs: 2000 } })
  await world.join('a')
  await world.carrier('b')
  openGate('print')
  await world.send('it', { type: 'PRINT' })
  await world.clock.advance(100)
  expect(notes()).toEqual(['b prints'])
  expect(await world.got()).toEqual(['b printed'])
  expect(await world.pending()).toEqual([])
  await world.clock.advance(3000)
  expect(world.traced('effect.ended')).toMatchObject([{ name: 'print', outcome: 'done' }])
})

test('a carrier at its limit takes more and lets them wait', async () => {
  const world = openWorld()
  await world.join('a')
  await world.carrier('b', { effectLimit: 2 })
  for (const key of ['x', 'y', 'z']) await world.send(key, { type: 'WORK' })
  expect(notes()).toHaveLength(2)
  expect(world.traced('effect.sent').map(({ isQueued }) => isQueued)).toEqual([false, false, true])
  openGate('it@b', 1)
  await world.clock.advance(100)
  for (const key of ['x', 'y', 'z']) expect(await world.got(key)).toEqual(['b made 1'])
})

test('a carrier that stops lets its effects end within its grace, and takes no more', async () => {
  const world = openWorld()
  await world.join('a')
  const b = await world.carrier('b', { graceMs: 5000 })
  await world.send('it', { type: 'WORK' })
  const stopping = b.node.stop()
  await world.clock.advance(1000)
  await world.send('more', { type: 'WORK' })
  expect(notes()).toEqual(['b begun it'])
  openGate('it@b', 1)
  await world.clock.advance(1000)
  await stopping
  world.all.splice(1, 1)
  expect(await world.got()).toEqual(['b made 1'])
  expect(Object.values((await world.show('more'))?.places ?? {})).toEqual([{ reason: expect.stringContaining('gpu') }])
})

test('an effect of a child runs where its label is', async () => {
  const world = openWorld()
  await world.join('a')
  await world.carrier('b')
  await world.send('it', { type: 'BEAR' })
  expect(notes()).toEqual(['b begun child of it'])
  openGate('child of it@b', 1)
  await world.clock.advance(100)
  expect(await world.got()).toEqual(['b made 1'])
})

test('an input that no errand can carry is an error that the machine hears', async () => {
  const world = openWorld()
  await world.join('a')
  await world.carrier('b')
  await world.send('it', { type: 'NAME', length: 1_100_000 })
  await world.send('it', { type: 'WORK' })
  expect(await world.got()).toEqual(['bus.tooBig'])
  expect(notes()).toEqual([])
})
